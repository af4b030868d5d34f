/* Where an exec is counted: the numbers of a row, as runner/control/outcomes.py has them. */

#ifndef APP_MONO_COUNTING_H
#define APP_MONO_COUNTING_H

#include "_line.h"

#define MOST_BOUNDS 32 /* of the times that are counted together */

/* Where an exec is counted in a row of numbers, as runner/control/outcomes.py does. */
typedef struct {
    Py_ssize_t size, is_true, is_false, exit, first_bucket, time, queue, load, edits;
    int bounds;
    long long bounds_ns[MOST_BOUNDS];
} Counting;

/* From IN_C of that file; -1 with an exception set. */
int take_counting(Counting *counting, PyObject *given);

/* Which number counts execs with this result, and which those of this time. */
Py_ssize_t result_of(const Counting *counting, int has_ended_routing, long long code);
Py_ssize_t bucket_of(const Counting *counting, long long spent_ns);

/* Counts in a list an exec that asked nothing: all of its time, that for a worker, and that of the load. */
int count_in(PyObject *row, const Counting *counting, int has_ended_routing, long long code, long long edits,
             const long long *spent_ns);

#endif
