/* A worker's place in a pool, taken and given back at once. */

#ifndef APP_MONO_SLOT_H
#define APP_MONO_SLOT_H

#include "_names.h"

/* The workers of the runtime that ran last, and what their settings say. All owned, and taken again when it is another. */
typedef struct {
    PyObject *idle, *leased; /* states of a slot */
    PyObject *kept;          /* what `pool` and all behind it are of */
    PyObject *pool, *slots, *queue, *is_locked;
    PyObject *settings; /* what the numbers are of */
    int keeps_statics, weighs_memory;
    long long max_loads;
    double ttl_s;
} Workers;

#define OF_WORKERS(X) X(workers.idle) X(workers.leased) X(workers.kept) X(workers.pool) X(workers.slots)                \
    X(workers.queue) X(workers.is_locked) X(workers.settings)

/* As Pool.at_once for the slot that was given back last; 0 where that cannot be, -1 with an exception set. */
int take_slot(Workers *self, PyObject *kept, PyObject *generation, PyObject *path, PyObject **slot);

/* As Pool.release of a worker that serves on, whatever is set; -1 with an exception set. */
int give_back(Workers *self, PyObject *pool, PyObject *slot, double now);

#endif
