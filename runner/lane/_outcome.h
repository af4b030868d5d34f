/* What an exec did, as ExecOutcome of runner/worker/outcome.py; the object is made where Python has to know. */

#ifndef APP_MONO_OUTCOME_H
#define APP_MONO_OUTCOME_H

#include "_names.h"

typedef struct {
    PyObject *type;   /* ExecOutcome; borrowed */
    PyObject *object; /* owned; NULL while nobody needs it */
    long long code, used, certain;
    int is_answered; /* whether there is a code */
    int has_ended_routing;
} Outcome;

/* The object, borrowed, with all that is known; NULL with an exception set. */
PyObject *outcome_object(Outcome *outcome);
void release_outcome(Outcome *outcome);

#endif
