/* The lane of one build, or one entry of it, in one worker. */

#ifndef APP_MONO_LANE_H
#define APP_MONO_LANE_H

#include "_turn.h"

#define MOST_BYTES 4096    /* of a line that a pipe takes whole or not at all: pipe(7), PIPE_BUF of Linux */
#define LONGEST_VALUE 1024 /* characters, as in runner/scripts/foresight.py */

/* Every name that is looked up, made once. */
#define NAMES(X)                                                                                                       \
    X(all_used) X(always) X(as_json) X(asked) X(begun) X(can) X(certain) X(channel) X(code) X(cpu) X(depends_on)       \
    X(execs) X(follow) X(free) X(get_s) X(has_ended_routing) X(holdings) X(id) X(is_certain) X(is_wanted) X(ksr)       \
    X(last_used) X(learn) X(left) X(long_s) X(max_line_bytes) X(method) X(methods) X(placement) X(plan) X(reads)       \
    X(refusal) X(refuse) X(request_id) X(requests) X(rest) X(session) X(state) X(takes) X(unsent) X(used) X(writes)
#define DECLARED(name) extern PyObject *s_##name;
NAMES(DECLARED)
#undef DECLARED

extern PyObject *idle, *after_exec; /* states of a session */
extern PyObject *host_fault, *nothing, *zero, *one; /* an exception, an empty tuple, numbers */

typedef struct {
    PyObject *call, *method, *name; /* method: NULL for a function of KEMI, which is `call` */
} Read;

typedef struct {
    PyObject *call, *target; /* is_certain takes them */
    long long bit;
} Asked;

typedef struct {
    PyObject *method, *target; /* target: NULL where the method takes the value alone */
} Edit;

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

#endif
