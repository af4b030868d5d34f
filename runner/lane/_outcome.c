/* The object of an outcome. */

#include "_outcome.h"

/* -1 with an exception set. */
static int set_number(PyObject *object, Name *name, long long number)
{
    PyObject *value = PyLong_FromLongLong(number);
    int failed = value ? set(object, name, value) : -1;
    Py_XDECREF(value);
    return failed;
}

PyObject *outcome_object(Outcome *outcome)
{
    if (!outcome->object && !(outcome->object = PyObject_CallNoArgs(outcome->type)))
        return NULL;
    if (set_number(outcome->object, &s_certain, outcome->certain))
        return NULL;
    if (outcome->is_answered && (set_number(outcome->object, &s_code, outcome->code) ||
                                 set_number(outcome->object, &s_used, outcome->used) ||
                                 set(outcome->object, &s_has_ended_routing, outcome->has_ended_routing ? Py_True : Py_False)))
        return NULL;
    return outcome->object;
}

void release_outcome(Outcome *outcome)
{
    Py_CLEAR(outcome->object);
}
