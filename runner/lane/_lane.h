/* The lane of one build, or one entry of it, in one worker. */

#ifndef APP_MONO_LANE_H
#define APP_MONO_LANE_H

#include "_host.h"
#include "_outcome.h"
#include "_turn.h"

#define MOST_BYTES 4096    /* of a line that a pipe takes whole or not at all: pipe(7), PIPE_BUF of Linux */
#define LONGEST_VALUE 1024 /* characters, as in runner/scripts/foresight.py */

extern PyObject *idle, *after_exec; /* states of a session */
extern PyObject *host_fault, *nothing, *one; /* an exception, an empty tuple, a number */

/* What it points to is owned, and is the same for as long as it lives. */
typedef struct {
    PyObject_HEAD
    PyObject *lanes, *generation, *plan, *foresight, *session, *channel, *placement, *holdings, *takes;
    PyObject *middle; /* bytes of the line, from behind its number to the values */
    long long longest, max_line_bytes, all_used, always;
    int has_plan, read_count, asked_count, edit_count;
    Read reads[MOST_OF_PLAN];
    Asked asked[MOST_OF_PLAN];
    Edit edits[MOST_OF_PLAN];
    Takes kinds;
} Lane;

/* exec(generation, param, host, deadline, outcome), as in runner/lane/lane.py. */
PyObject *lane_exec(Lane *self, PyObject *const *args, Py_ssize_t count);

/* The same; host may be one that has no object yet. */
PyObject *run_lane(Lane *self, PyObject *generation, PyObject *param, Host *host, double deadline, Outcome *outcome);

/* Differs in a forked child. */
extern unsigned long forks;

extern PyObject *lane_type;

/* Attributes that are numbers, and whether one is this very object; -1 with an exception set. */
long long number_of(PyObject *object, Name *name);
int set_time(PyObject *object, Name *name, double time);
int is_attribute(PyObject *object, Name *name, PyObject *expected);

#endif
