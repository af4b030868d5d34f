/*
The lane in C: what runner/lane/lane.py describes, and does where this is not built.

One write, one read, and no call of Python between the values and the answer but those of the host. It keeps nothing
while it runs that another exec of the same lane could overwrite, so a host may run one. CPython's limited API of 3.11.
*/

#include "_lane.h"

#include <limits.h>
#include <sched.h>

#define LONG_S 0.002 /* as in lane.py */

/* Attributes that are numbers; -1 with an exception set. */
long long number_of(PyObject *object, Name *name)
{
    PyObject *value = get(object, name);
    if (!value)
        return -1;
    long long number = PyLong_AsLongLong(value);
    Py_DECREF(value);
    return number;
}

static int set_number(PyObject *object, Name *name, long long number)
{
    PyObject *value = PyLong_FromLongLong(number);
    if (!value)
        return -1;
    int failed = set(object, name, value);
    Py_DECREF(value);
    return failed;
}

int set_time(PyObject *object, Name *name, double time)
{
    PyObject *value = PyFloat_FromDouble(time);
    if (!value)
        return -1;
    int failed = set(object, name, value);
    Py_DECREF(value);
    return failed;
}

/* Whether an attribute is this very object: 1, 0, or -1 with an exception set. */
int is_attribute(PyObject *object, Name *name, PyObject *expected)
{
    PyObject *value = get(object, name);
    if (!value)
        return -1;
    Py_DECREF(value);
    return value == expected;
}

static Found is_idle(Lane *self)
{
    int is_it = is_attribute(self->session, &s_state, idle);
    return is_it < 0 ? RAISED : is_it ? PLAIN : NOT_PLAIN;
}

static Found is_plain(Lane *self, PyObject *generation, const Host *host)
{
    Found found = generation == self->generation ? is_idle(self) : NOT_PLAIN;
    if (found != PLAIN)
        return found;
    int is_it = is_attribute(self->foresight, &s_plan, self->plan);
    if (is_it <= 0)
        return is_it ? RAISED : NOT_PLAIN;
    PyObject *rest = get(self->session, &s_rest);
    if (!rest)
        return RAISED;
    Py_ssize_t size = PyObject_Size(rest);
    Py_DECREF(rest);
    if (size)
        return size < 0 ? RAISED : NOT_PLAIN;
    if (host->direct)
        return PLAIN;
    PyObject *foresees = get(host->object, &s_depends_on);
    if (foresees) {
        Py_DECREF(foresees);
        return PLAIN;
    }
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return RAISED;
    PyErr_Clear();
    return NOT_PLAIN;
}

static Found put_value(Out *out, PyObject *value)
{
    if (value == Py_None)
        return PUT(out, "null");
    if (Py_TYPE(value) == &PyUnicode_Type)
        return PyUnicode_GetLength(value) <= LONGEST_VALUE ? put_text(out, value) : PUT(out, "false");
    if (Py_TYPE(value) != &PyLong_Type)
        return PUT(out, "false");
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow ? NOT_PLAIN : put_number(out, number);
}

/* The values that travel ahead, and the edits that are certain now. */
static Found put_ahead(Lane *self, Out *out, Host *host, long long *certain)
{
    Found found = PUT(out, ",\"values\":[");
    for (int number = 0; found == PLAIN && number < self->read_count; number++) {
        if (number && (found = PUT(out, ",")) != PLAIN)
            break;
        PyObject *value = host_value(host, &self->reads[number]);
        if (!value) {
            if (!PyErr_ExceptionMatches(PyExc_Exception)) /* a host that fails must not break the exec */
                return RAISED;
            PyErr_Clear();
            found = PUT(out, "false");
            continue;
        }
        found = put_value(out, value);
        Py_DECREF(value);
    }
    for (int number = 0; found == PLAIN && number < self->asked_count; number++) {
        const Asked *asked = &self->asked[number];
        int is_sure = host_is_certain(host, asked);
        if (is_sure < 0)
            return RAISED;
        if (is_sure)
            *certain |= asked->bit;
    }
    if (found == PLAIN)
        found = PUT(out, "],\"certain\":");
    return found == PLAIN ? put_number(out, *certain) : found;
}

/* The worker comes to this CPU. Unlike in Python, to look each time costs nothing. */
static int place(Lane *self)
{
    if (number_of(self->placement, &s_cpu) == sched_getcpu())
        return PyErr_Occurred() ? -1 : 0;
    if (PyErr_Occurred())
        return -1;
    int is_wanted = is_attribute(self->placement, &s_is_wanted, Py_True);
    if (is_wanted <= 0)
        return is_wanted;
    PyObject *followed = PyObject_CallMethodObjArgs(self->placement, s_follow.text, NULL);
    Py_XDECREF(followed);
    return followed ? 0 : -1;
}

/* One edit; 1 when the host refused it, -1 with an exception set. */
static int make_edit(Lane *self, Host *host, int number, PyObject *value, Outcome *outcome)
{
    PyObject *type = NULL, *error = NULL, *trace = NULL;
    int is_refused = host_edit(host, &self->edits[number], value);
    if (!is_refused)
        return 0;
    if (is_refused < 0) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Fetch(&type, &error, &trace);
        PyErr_NormalizeException(&type, &error, &trace);
        if (trace)
            PyException_SetTraceback(error, trace);
    }
    PyObject *which = PyLong_FromLong(number), *object = which ? outcome_object(outcome) : NULL;
    PyObject *said = object ? PyObject_CallMethodObjArgs(self->lanes, s_refuse.text, self->plan, which, value, object,
                                                         error ? error : Py_None, NULL)
                            : NULL;
    Py_XDECREF(said);
    Py_XDECREF(which);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return said ? 1 : -1;
}

/* All of them, in order, as runner/worker/host_calls.py makes them; what make_edit gives. */
static int make_edits(Lane *self, Host *host, const Answer *answer, Outcome *outcome)
{
    int is_refused = 0;
    for (int at = 0; at < answer->count; at++) {
        int found = make_edit(self, host, answer->numbers[at], answer->values[at], outcome);
        if (found < 0)
            return -1;
        is_refused |= found;
        outcome->certain++;
    }
    return is_refused;
}

/* Moves the worker to any CPU when the exec was a long one. */
static int free_if_long(Lane *self, double took_s)
{
    if (took_s < LONG_S)
        return 0;
    PyObject *freed = PyObject_CallMethodObjArgs(self->placement, s_free.text, NULL);
    Py_XDECREF(freed);
    return freed ? 0 : -1;
}

/* Does what a plain answer says; -1 with an exception set. */
static int apply(Lane *self, Host *host, Outcome *outcome, const Answer *answer, double began)
{
    if (set(self->session, &s_state, idle))
        return -1;
    outcome->code = answer->code;
    outcome->used = answer->used;
    outcome->has_ended_routing = answer->has_ended_routing;
    outcome->is_answered = 1;
    int is_refused = make_edits(self, host, answer, outcome);
    double ended = now_s();
    if (is_refused < 0 || set_time(self->holdings, &s_last_used, ended) || free_if_long(self, ended - began))
        return -1;
    if (answer->used != self->all_used) {
        PyObject *used = PyLong_FromLongLong(answer->used), *object = host_object(host);
        PyObject *learned = used && object ? PyObject_CallMethodObjArgs(self->foresight, s_learn.text, object, self->plan,
                                                                        used, nothing, NULL)
                                           : NULL;
        Py_XDECREF(used);
        Py_XDECREF(learned);
        if (!learned)
            return -1;
    }
    if (!is_refused)
        return 0;
    PyObject *object = outcome_object(outcome);
    PyObject *refusal = object ? PyObject_CallMethodObjArgs(object, s_refusal.text, NULL) : NULL;
    if (refusal)
        PyErr_SetObject(host_fault, refusal);
    Py_XDECREF(refusal);
    return -1;
}

/* The line of an exec. */
static Found put_line(Lane *self, Out *out, PyObject *param, Host *host, long long *number, long long *certain)
{
    char *middle;
    Py_ssize_t size;
    /* What the host gives is known before the number is taken: it may run an exec meanwhile. */
    char ahead[MOST_BYTES];
    Out values = {ahead, ahead + self->longest};
    *certain = self->always;
    Found found = self->has_plan ? put_ahead(self, &values, host, certain) : PLAIN;
    if (found == PLAIN)
        found = is_idle(self);
    if (found != PLAIN)
        return found;
    PyObject *requests = get(self->session, &s_requests);
    int is_beyond = 0; /* of a session that goes on where another one was, which may say any number */
    *number = requests ? PyLong_AsLongLongAndOverflow(requests, &is_beyond) : 0;
    Py_XDECREF(requests);
    if (is_beyond || *number == LLONG_MAX)
        return NOT_PLAIN;
    ++*number;
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(self->middle, &middle, &size))
        return RAISED;
    (void)((found = PUT(out, "{\"jsonrpc\":\"2.0\",\"id\":")) || (found = put_number(out, *number)) ||
           (found = put(out, middle, size)));
    if (found == PLAIN && param != Py_None)
        (void)((found = PUT(out, ",\"param\":")) || (found = put_text(out, param)));
    if (found == PLAIN)
        (void)((found = put(out, ahead, values.next - ahead)) || (found = PUT(out, "}}\n")));
    return found;
}

/* What was sent has no plain answer: the session goes on, with the bytes that came. */
static PyObject *leave(Lane *self, const Turn *turn, long long number, long long certain)
{
    if (turn->sent < turn->size) { /* of a pipe that breaks its promise */
        PyObject *rest = PyBytes_FromStringAndSize(turn->line + turn->sent, turn->size - turn->sent);
        int failed = rest ? set(self->channel, &s_unsent, rest) : -1;
        Py_XDECREF(rest);
        if (failed)
            return NULL;
    }
    PyObject *awaited = PyUnicode_FromFormat("{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"code\":", number);
    PyObject *bits = PyLong_FromLongLong(certain);
    PyObject *begun = awaited && bits ? PyObject_CallMethodObjArgs(self->session, s_begun.text, awaited, bits, self->takes, NULL)
                                      : NULL;
    Py_XDECREF(awaited);
    Py_XDECREF(bits);
    Py_XDECREF(begun);
    return begun ? PyBytes_FromStringAndSize(turn->data, turn->got) : NULL;
}

/* One exec more, in a number that a daemon may have said. */
static int count_exec(PyObject *holdings)
{
    PyObject *execs = get(holdings, &s_execs), *more = execs ? PyNumber_Add(execs, one) : NULL;
    int failed = more ? set(holdings, &s_execs, more) : -1;
    Py_XDECREF(execs);
    Py_XDECREF(more);
    return failed;
}

/* Waits for an answer, and for no longer than the alarm of the wire: the session waits on, and rings it. */
static Found await_answer(Lane *self, Turn *turn, double deadline)
{
    PyObject *alarm_at = get(self->channel, &s_alarm_at);
    double until = alarm_at ? PyFloat_AsDouble(alarm_at) : -1;
    Py_XDECREF(alarm_at);
    if (PyErr_Occurred())
        return RAISED;
    return hear(turn, until < deadline ? until : deadline) ? RAISED : PLAIN;
}

/* Sends the line; NOT_PLAIN when the wire does not take it, and then all is as before. */
static Found send(Lane *self, Turn *turn, long long number, double deadline)
{
    long long writes = number_of(self->channel, &s_writes), reads = number_of(self->channel, &s_reads);
    /* Before the GIL is released: whoever ends a worker leaves the wire of one that is in a turn to its thread. */
    if (PyErr_Occurred() || set(self->session, &s_state, after_exec))
        return RAISED;
    turn->writes = (int)writes;
    turn->reads = (int)reads;
    take_turn(turn);
    if (turn->sent < 0) {
        int is_ours = is_attribute(self->session, &s_state, after_exec);
        if (is_ours < 0 || (is_ours && set(self->session, &s_state, idle)))
            return RAISED;
        return NOT_PLAIN;
    }
    if (set_number(self->session, &s_requests, number) || set_number(self->session, &s_request_id, number) ||
        count_exec(self->holdings))
        return RAISED;
    return turn->got < 0 ? await_answer(self, turn, deadline) : PLAIN;
}

PyObject *run_lane(Lane *self, PyObject *generation, PyObject *param, Host *host, double deadline, Outcome *outcome)
{
    char line[MOST_BYTES], data[READ_BYTES];
    Out out = {line, line + self->longest};
    long long number, certain;
    Answer answer;
    answer.count = 0;
    Found found = param == Py_None || PyUnicode_Check(param) ? is_plain(self, generation, host) : NOT_PLAIN;
    if (found == PLAIN)
        found = put_line(self, &out, param, host, &number, &certain);
    double began = now_s();
    if (found == PLAIN && (began >= deadline || place(self)))
        found = PyErr_Occurred() ? RAISED : NOT_PLAIN;
    Turn turn = {-1, -1, line, out.next - line, 0, data, 0};
    if (found == PLAIN)
        found = send(self, &turn, number, deadline);
    if (found != PLAIN)
        return found == RAISED ? NULL : PyBool_FromLong(0);
    if (turn.got > 0 && turn.got <= self->max_line_bytes)
        found = read_answer(data, turn.got, number, certain, &self->kinds, &answer);
    else
        found = NOT_PLAIN;
    if (found == PLAIN) {
        int is_ours = is_attribute(self->session, &s_state, after_exec);
        found = is_ours < 0 ? RAISED : is_ours ? PLAIN : NOT_PLAIN;
    }
    PyObject *result = NULL;
    if (found == NOT_PLAIN)
        result = leave(self, &turn, number, certain);
    else if (found == PLAIN && !apply(self, host, outcome, &answer, began))
        result = PyBool_FromLong(1);
    release_answer(&answer);
    return result;
}

PyObject *lane_exec(Lane *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5) {
        PyErr_Format(PyExc_TypeError, "exec() takes 5 arguments, got %zd", count);
        return NULL;
    }
    double deadline = PyFloat_AsDouble(args[3]);
    if (deadline == -1 && PyErr_Occurred())
        return NULL;
    long long certain = number_of(args[4], &s_certain);
    if (PyErr_Occurred())
        return NULL;
    Host host = {Py_NewRef(args[2]), NULL, NULL, NULL};
    Outcome outcome = {NULL, Py_NewRef(args[4]), 0, 0, certain, 0, 0};
    PyObject *result = run_lane(self, args[0], args[1], &host, deadline, &outcome), *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (!outcome_object(&outcome))
        Py_CLEAR(result);
    if (type)
        PyErr_Restore(type, error, trace);
    release_outcome(&outcome);
    release_host(&host);
    return result;
}
