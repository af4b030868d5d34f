/* What an exec needs that may begin at once. */

#ifndef APP_MONO_READY_H
#define APP_MONO_READY_H

#include "_lane.h"

/* A lease, and what it has. */
typedef struct {
    PyObject *lease;
    PyObject *link, *workers, *scripts, *refusals, *within, *running, *tally; /* of the lease since it began last */
    PyObject *control;                                                        /* the connection of `descriptor` */
    unsigned long process;
    int descriptor;
    double listen_after;
} Borrower;

/* What one exec needs; each is owned. */
typedef struct {
    PyObject *script, *held, *generation, *holdings, *lane;
} Ready;

void release_borrower(Borrower *self);
void release_ready(Ready *ready);

/* All that has to be so; 0 when it is not, -1 with an exception set. */
int get_ready(Borrower *self, PyObject *path, double now, Ready *ready);

/* Whether an attribute is less than another one; -1 with an exception set. */
int is_less(PyObject *object, Name *name, PyObject *other, Name *limit);

#endif
