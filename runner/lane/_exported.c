/*
What app_python3 calls: mono_exec and mono_run, from its arguments to the value for Kamailio.

Does what kamailio/app_mono.py and Lease.exec of runner/client/lease.py do where nothing is new and the worker has the
script (_ready.c); all else is theirs. No exception leaves it.
*/

#include "_exported.h"

#include "_counting.h"
#include "_ready.h"

#include <locale.h>

#define END_OF_ROUTING 0 /* as in kamailio/app_mono.py, with the two below */
#define IS_TRUE 1
#define IS_FALSE (-1)

typedef struct {
    PyObject_HEAD
    Borrower borrower;
    PyObject *new_outcome, *exec, *run, *go_on;
    double timeout_s;
    Direct direct;
    Counting counting;
} Exported;

static locale_t c_locale;

/* As Tally.add for what this can be; 0: it is left to that, -1 with an exception set. */
static int count(Exported *self, const Ready *ready, const Outcome *outcome, long long spent_ns)
{
    Name *zeros[] = {&s__logged_share, &s_queue_s, &s_load_s};
    int can = is_attribute(self->borrower.tally, &s__script, ready->script);
    for (size_t at = 0; can > 0 && at < sizeof zeros / sizeof *zeros; at++)
        can = is_nothing(self->borrower.tally, zeros[at]);
    if (can <= 0)
        return can;
    PyObject *row = get(self->borrower.tally, &s__row);
    Py_buffer numbers;
    if (!row || PyObject_GetBuffer(row, &numbers, PyBUF_WRITABLE)) {
        Py_XDECREF(row);
        return -1;
    }
    Py_DECREF(row);
    const Counting *counting = &self->counting;
    if (numbers.len != counting->size * (Py_ssize_t)sizeof(long long)) {
        PyBuffer_Release(&numbers);
        return 0;
    }
    long long *counts = numbers.buf;
    counts[result_of(counting, outcome->has_ended_routing, outcome->code)]++;
    counts[counting->edits] += outcome->certain;
    counts[bucket_of(counting, spent_ns)]++;
    counts[counting->time] += spent_ns;
    PyBuffer_Release(&numbers);
    return 1;
}

/* What follows an exec that is done; -1 with an exception set. */
static int finish(Exported *self, const Ready *ready, PyObject *path, Outcome *outcome, Host *host, double began)
{
    int is_early = is_less(ready->holdings, &s_last_used, ready->held, &s_report_after);
    if (is_early > 0)
        is_early = is_nothing(ready->holdings, &s_retire_reason);
    if (is_early < 0)
        return -1;
    PyObject *after = is_early ? Py_NewRef(Py_None) : PyObject_CallMethodObjArgs(self->borrower.lease, s__after.text, NULL);
    Py_XDECREF(after);
    int is_counted = after ? count(self, ready, outcome, (long long)((now_s() - began) * 1e9)) : -1;
    if (!is_counted) {
        PyObject *since = PyFloat_FromDouble(began), *object = host_object(host), *did = object ? outcome_object(outcome) : NULL;
        PyObject *noted = since && did ? PyObject_CallMethodObjArgs(self->borrower.lease, s_note.text, path, did, since, object, NULL)
                                       : NULL;
        Py_XDECREF(since);
        Py_XDECREF(noted);
        is_counted = noted ? 1 : -1;
    }
    int goes_on = is_counted < 0 ? -1 : is_nothing(self->borrower.lease, &s__is_over);
    if (goes_on)
        return goes_on < 0 ? -1 : 0;
    PyObject *closed = PyObject_CallMethodObjArgs(self->borrower.lease, s_close.text, NULL);
    Py_XDECREF(closed);
    return closed ? 0 : -1;
}

/* What the lane makes of it, while the lease has it as running. */
static PyObject *run(Exported *self, const Ready *ready, PyObject *param, Host *host, double deadline, Outcome *outcome)
{
    PyObject *result = NULL, *type, *error, *trace;
    if (!PyList_Append(self->borrower.running, ready->generation) && !set_time(self->borrower.within, &s_deadline, deadline))
        result = run_lane((Lane *)ready->lane, ready->generation, param, host, deadline, outcome);
    PyErr_Fetch(&type, &error, &trace);
    if (PyList_SetSlice(self->borrower.running, 0, PyList_Size(self->borrower.running), NULL))
        PyErr_Clear(); /* to make it empty needs no memory */
    PyErr_Restore(type, error, trace);
    return result;
}

/* The value for Kamailio. */
static long value_of(const Outcome *outcome)
{
    return outcome->has_ended_routing ? END_OF_ROUTING : outcome->code ? IS_FALSE : IS_TRUE;
}

/* The exception that is set, as an object. */
static PyObject *raised(void)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace && error)
        PyException_SetTraceback(error, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return error;
}

/* An exec that was begun, and is not done: `heard` as Conversation.exec takes it, stolen. */
static PyObject *go_on(Exported *self, Host *host, PyObject *path, PyObject *param, double began, Outcome *outcome,
                       PyObject *heard)
{
    PyObject *object = host_object(host), *since = PyFloat_FromDouble(began), *value = NULL;
    PyObject *did = heard && object && since ? outcome_object(outcome) : NULL;
    if (did)
        value = PyObject_CallFunctionObjArgs(self->go_on, object, path, param, since, did, heard, NULL);
    Py_XDECREF(heard);
    Py_XDECREF(since);
    return value;
}

/* The common exec; NULL without an exception when nothing was done. */
static PyObject *execute(Exported *self, PyObject *msg, PyObject *path, PyObject *param)
{
    Ready ready = {NULL, NULL, NULL, NULL, NULL};
    Host host = {NULL, &self->direct, msg, NULL};
    double began = now_s(), deadline = began + self->timeout_s;
    Outcome outcome = {self->new_outcome, NULL, 0, 0, 0, 0, 0};
    PyObject *done = NULL, *value = NULL;
    int is_ready = get_ready(&self->borrower, path, began, &ready) > 0;
    PyErr_Clear(); /* whatever is wrong, Python finds it as well */
    if (is_ready)
        done = run(self, &ready, param, &host, deadline, &outcome);
    if (done == Py_True && finish(self, &ready, path, &outcome, &host, began))
        Py_CLEAR(done); /* with an exception set */
    if (done == Py_True)
        value = PyLong_FromLong(value_of(&outcome));
    else if (is_ready && done != Py_False)
        value = go_on(self, &host, path, param, began, &outcome, done ? Py_NewRef(done) : raised());
    Py_XDECREF(done);
    release_outcome(&outcome);
    release_host(&host);
    release_ready(&ready);
    return value;
}

/* `execute` in the locale C, else `otherwise`; gives IS_FALSE for what nobody has caught, which is written to stderr. */
static PyObject *call(Exported *self, PyObject *const *args, Py_ssize_t count, PyObject *path, PyObject *param,
                      PyObject *otherwise)
{
    PyObject *value = NULL;
    if (path) {
        locale_t before = uselocale(c_locale);
        value = execute(self, args[0], path, param);
        uselocale(before);
    }
    if (!value && !PyErr_Occurred()) {
        PyObject *all = PyTuple_New(count);
        for (Py_ssize_t at = 0; all && at < count; at++)
            PyTuple_SetItem(all, at, Py_NewRef(args[at]));
        value = all ? PyObject_CallObject(otherwise, all) : NULL;
        Py_XDECREF(all);
    }
    if (value)
        return value;
    PyErr_WriteUnraisable(otherwise);
    return PyLong_FromLong(IS_FALSE);
}

/* mono_exec(msg, "PATH[ PARAM]"); a path in quotes is left to Python. */
static PyObject *exported_exec(Exported *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *path = NULL, *param = NULL;
    Py_ssize_t size = count == 2 && PyUnicode_CheckExact(args[1]) ? PyUnicode_GetLength(args[1]) : 0;
    Py_UCS4 first = size ? PyUnicode_ReadChar(args[1], 0) : '"';
    if (first != '"' && first != ' ') {
        Py_ssize_t blank = PyUnicode_FindChar(args[1], ' ', 0, size, 1);
        path = blank < 0 ? Py_NewRef(args[1]) : PyUnicode_Substring(args[1], 0, blank);
        param = blank < 0 ? Py_NewRef(Py_None) : PyUnicode_Substring(args[1], blank + 1, size);
    }
    PyObject *value = call(self, args, count, path && param ? path : NULL, param, self->exec);
    Py_XDECREF(path);
    Py_XDECREF(param);
    return value;
}

/* mono_run(msg[, PARAM]) */
static PyObject *exported_run(Exported *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *param = count == 2 ? args[1] : Py_None;
    int is_usual = (count == 1 || count == 2) && (param == Py_None || PyUnicode_CheckExact(param));
    return call(self, args, count, is_usual ? Py_None : NULL, param, self->run);
}

static void exported_dealloc(Exported *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject **owned[] = {&self->new_outcome, &self->exec, &self->run, &self->go_on};
    for (size_t at = 0; at < sizeof owned / sizeof *owned; at++)
        Py_CLEAR(*owned[at]);
    release_borrower(&self->borrower);
    release_direct(&self->direct);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *exported_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"lease", "timeout_s", "outcome", "host", "counting", "otherwise", NULL};
    PyObject *lease, *outcome, *host, *counting, *exec, *run, *go_on;
    double timeout_s;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OdOOO(OOO):Exported", names, &lease, &timeout_s, &outcome, &host,
                                     &counting, &exec, &run, &go_on))
        return NULL;
    Exported *self = (Exported *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->borrower.lease = Py_NewRef(lease);
    self->new_outcome = Py_NewRef(outcome);
    self->exec = Py_NewRef(exec);
    self->run = Py_NewRef(run);
    self->go_on = Py_NewRef(go_on);
    self->timeout_s = timeout_s;
    if (!take_direct(&self->direct, host) && !take_counting(&self->counting, counting))
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static PyMethodDef methods[] = {
    {"mono_exec", (PyCFunction)(void (*)(void))exported_exec, METH_FASTCALL, "As Methods.mono_exec of app_mono.py."},
    {"mono_run", (PyCFunction)(void (*)(void))exported_run, METH_FASTCALL, "As Methods.mono_run of app_mono.py."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Exported(lease, timeout_s, outcome, host, counting, otherwise): what app_python3 calls."},
    {Py_tp_new, exported_new},
    {Py_tp_dealloc, exported_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "runner.lane._lane.Exported", sizeof(Exported), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots,
};

int add_exported(PyObject *module)
{
    c_locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
    if (!c_locale) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    PyObject *type = PyType_FromSpec(&spec);
    int failed = type ? PyModule_AddObjectRef(module, "Exported", type) : -1;
    Py_XDECREF(type);
    return failed;
}
