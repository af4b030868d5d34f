/* The module runner.lane._lane: the types, and what they are made of. */

#include "_lane.h"
#include "_looks.h"
#include "_at_once.h"
#include "_exported.h"

#include <limits.h>
#include <pthread.h>
#include <structmember.h>

#define DEFINED(name) Name s_##name;
NAMES(DEFINED)

PyObject *idle, *after_exec, *host_fault, *nothing, *one, *lane_type;

static PyObject *calls; /* runner.calls.CALLS */
unsigned long forks;

/* The attributes of a lane that are looked up in its `lanes`. */
static int take_parts(Lane *self)
{
    self->session = get(self->lanes, &s_session);
    self->channel = get(self->lanes, &s_channel);
    self->placement = get(self->lanes, &s_placement);
    self->holdings = get(self->lanes, &s_holdings);
    return self->session && self->channel && self->placement && self->holdings ? 0 : -1;
}

static long long number_in(PyObject *object, Name *name)
{
    PyObject *value = get(object, name);
    long long number = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return number;
}

/* A tuple of tuples, at most MOST_OF_PLAN; NULL with an exception set. */
static PyObject *rows_of(PyObject *plan, Name *name, int *count)
{
    PyObject *rows = get(plan, name);
    if (!rows)
        return NULL;
    Py_ssize_t size = PyTuple_Size(rows);
    if (size >= 0 && size <= MOST_OF_PLAN) {
        *count = (int)size;
        return rows;
    }
    if (size > 0)
        PyErr_Format(PyExc_ValueError, "expected at most %d rows in a plan, got %zd", MOST_OF_PLAN, size);
    Py_DECREF(rows);
    *count = 0;
    return NULL;
}

/* The host's method that answers a call, as a new reference; NULL for a function of KEMI, and with an exception set. */
static PyObject *method_of(PyObject *call)
{
    PyObject *known = PyDict_GetItemWithError(calls, call);
    return known ? get(known, &s_method) : NULL;
}

static int take_reads(Lane *self)
{
    PyObject *rows = rows_of(self->plan, &s_reads, &self->read_count);
    if (!rows)
        return -1;
    int failed = 0;
    for (int at = 0; at < self->read_count && !failed; at++) {
        Read *read = &self->reads[at];
        failed = !PyArg_ParseTuple(PyTuple_GetItem(rows, at), "UU", &read->call, &read->name);
        Py_XINCREF(read->call);
        Py_XINCREF(read->name);
        if (!failed)
            read->method = method_of(read->call);
        failed = PyErr_Occurred() || know_read(read);
    }
    Py_DECREF(rows);
    return failed ? -1 : 0;
}

static int take_edits(Lane *self)
{
    PyObject *rows = rows_of(self->plan, &s_methods, &self->edit_count);
    if (!rows)
        return -1;
    int failed = 0;
    for (int at = 0; at < self->edit_count && !failed; at++) {
        Edit *edit = &self->edits[at];
        failed = !PyArg_ParseTuple(PyTuple_GetItem(rows, at), "UO", &edit->method, &edit->target);
        Py_XINCREF(edit->method);
        if (edit->target == Py_None)
            edit->target = NULL;
        Py_XINCREF(edit->target);
        if (edit->target && !PyUnicode_Check(edit->target)) {
            PyErr_SetString(PyExc_TypeError, "expected None or a str for the target of an edit");
            failed = 1;
        }
        if (!failed)
            know_edit(edit);
    }
    Py_DECREF(rows);
    self->takes = failed ? NULL : get(self->plan, &s_takes);
    if (!self->takes || takes_of(self->takes, &self->kinds))
        return -1;
    if (self->kinds.count == self->edit_count)
        return 0;
    PyErr_SetString(PyExc_ValueError, "expected a type for each edit of a plan");
    return -1;
}

static int take_asked(Lane *self)
{
    PyObject *can = get(self->holdings, &s_can), *word = PyUnicode_FromString("edits");
    int takes_edits = can && word ? PySequence_Contains(can, word) : -1;
    Py_XDECREF(can);
    Py_XDECREF(word);
    if (takes_edits <= 0)
        return takes_edits;
    self->always = number_in(self->plan, &s_always);
    PyObject *rows = PyErr_Occurred() ? NULL : rows_of(self->plan, &s_asked, &self->asked_count);
    if (!rows)
        return -1;
    int failed = 0;
    for (int at = 0; at < self->asked_count && !failed; at++) {
        Asked *asked = &self->asked[at];
        failed = !PyArg_ParseTuple(PyTuple_GetItem(rows, at), "UUL", &asked->call, &asked->target, &asked->bit);
        Py_XINCREF(asked->call);
        Py_XINCREF(asked->target);
        if (!failed)
            know_asked(asked);
    }
    Py_DECREF(rows);
    return failed ? -1 : 0;
}

/* What the line has between its number and the values. */
static int take_middle(Lane *self, PyObject *entry)
{
    char text[MOST_BYTES];
    Out out = {text, text + sizeof text};
    PyObject *id = get(self->generation, &s_id);
    Py_ssize_t size;
    const char *utf8 = id ? PyUnicode_AsUTF8AndSize(id, &size) : NULL;
    Found found = utf8 ? PUT(&out, ",\"method\":\"exec\",\"params\":{\"generation\":\"") : RAISED;
    (void)(found || (found = put(&out, utf8, size)) || (found = PUT(&out, "\"")));
    if (found == PLAIN && entry != Py_None)
        (void)((found = PUT(&out, ",\"entry\":")) || (found = put_text(&out, entry)));
    Py_XDECREF(id);
    if (found == NOT_PLAIN) /* no line with it would be */
        self->longest = 0;
    self->middle = found == RAISED ? NULL : PyBytes_FromStringAndSize(text, out.next - text);
    return self->middle ? 0 : -1;
}

static int take_bounds(Lane *self)
{
    PyObject *as_json = get(self->plan, &s_as_json);
    self->has_plan = as_json ? PyObject_IsTrue(as_json) : -1;
    Py_XDECREF(as_json);
    self->all_used = number_in(self->plan, &s_all_used);
    PyObject *longest = get(self->session, &s_max_line_bytes);
    int is_beyond = 0; /* what a daemon says may be any number */
    self->max_line_bytes = longest ? PyLong_AsLongLongAndOverflow(longest, &is_beyond) : 0;
    Py_XDECREF(longest);
    if (is_beyond)
        self->max_line_bytes = is_beyond > 0 ? LLONG_MAX : 0;
    self->longest = self->max_line_bytes / 4; /* SHARE_AHEAD of lane.py */
    self->longest = self->longest > MOST_BYTES ? MOST_BYTES : self->longest < 0 ? 0 : self->longest;
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *lane_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"lanes", "generation", "plan", "foresight", "entry", NULL};
    PyObject *lanes, *generation, *plan, *foresight, *entry;
    if (!PyArg_ParseTupleAndKeywords(args, named, "OOO$OO:Lane", names, &lanes, &generation, &plan, &foresight, &entry))
        return NULL;
    if (entry != Py_None && !PyUnicode_Check(entry))
        return PyErr_Format(PyExc_TypeError, "expected None or a str for an entry");
    Lane *self = (Lane *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->lanes = Py_NewRef(lanes);
    self->generation = Py_NewRef(generation);
    self->plan = Py_NewRef(plan);
    self->foresight = Py_NewRef(foresight);
    if (take_parts(self) || take_bounds(self) || take_reads(self) || take_edits(self) || take_asked(self) ||
        take_middle(self, entry)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int lane_traverse(Lane *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->lanes);
    Py_VISIT(self->generation);
    Py_VISIT(self->plan);
    Py_VISIT(self->foresight);
    Py_VISIT(self->session);
    Py_VISIT(self->channel);
    Py_VISIT(self->placement);
    Py_VISIT(self->holdings);
    return 0;
}

static int lane_clear(Lane *self)
{
    Py_CLEAR(self->lanes);
    Py_CLEAR(self->generation);
    Py_CLEAR(self->plan);
    Py_CLEAR(self->foresight);
    Py_CLEAR(self->session);
    Py_CLEAR(self->channel);
    Py_CLEAR(self->placement);
    Py_CLEAR(self->holdings);
    return 0;
}

static void lane_dealloc(Lane *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    lane_clear(self);
    Py_XDECREF(self->takes);
    Py_XDECREF(self->middle);
    for (int at = 0; at < MOST_OF_PLAN; at++) {
        Py_XDECREF(self->reads[at].call);
        Py_XDECREF(self->reads[at].method);
        Py_XDECREF(self->reads[at].name);
        Py_XDECREF(self->reads[at].arguments);
        Py_XDECREF(self->asked[at].call);
        Py_XDECREF(self->asked[at].target);
        Py_XDECREF(self->edits[at].method);
        Py_XDECREF(self->edits[at].target);
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef lane_methods[] = {
    {"exec", (PyCFunction)(void (*)(void))lane_exec, METH_FASTCALL, "As Lane.exec of runner/lane/lane.py."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef lane_members[] = {
    {"generation", T_OBJECT_EX, offsetof(Lane, generation), READONLY, "The build; it is loaded there."},
    {"plan", T_OBJECT_EX, offsetof(Lane, plan), READONLY, "What the worker was told last of what is foreseen."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot lane_slots[] = {
    {Py_tp_doc, "As Lane of runner/lane/lane.py."},
    {Py_tp_new, lane_new},
    {Py_tp_dealloc, lane_dealloc},
    {Py_tp_traverse, lane_traverse},
    {Py_tp_clear, lane_clear},
    {Py_tp_methods, lane_methods},
    {Py_tp_members, lane_members},
    {0, NULL},
};

static PyType_Spec lane_spec = {
    "runner.lane._lane.Lane", sizeof(Lane), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, lane_slots,
};

/* Differs in a forked child. */
static PyObject *process(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromUnsignedLong(forks);
}

/* For tests: one answer, as (code, used, edits, has_ended_routing); None for one that is not plain. */
static PyObject *read_one(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *data;
    Py_ssize_t size;
    long long number, certain;
    PyObject *types;
    Takes takes;
    Answer answer;
    if (!PyArg_ParseTuple(args, "y#LLO:read", &data, &size, &number, &certain, &types) || takes_of(types, &takes))
        return NULL;
    Found found = read_answer(data, size, number, certain, &takes, &answer);
    if (found != PLAIN)
        return found == RAISED ? NULL : Py_NewRef(Py_None);
    PyObject *edits = PyList_New(0);
    for (int at = 0; edits && at < answer.count; at++) {
        PyObject *edit = Py_BuildValue("[iO]", answer.numbers[at], answer.values[at]);
        if (!edit || PyList_Append(edits, edit))
            Py_CLEAR(edits);
        Py_XDECREF(edit);
    }
    PyObject *read = edits ? Py_BuildValue("(LLOO)", answer.code, answer.used, edits,
                                           answer.has_ended_routing ? Py_True : Py_False)
                           : NULL;
    Py_XDECREF(edits);
    release_answer(&answer);
    return read;
}

static PyMethodDef functions[] = {
    {"process", process, METH_NOARGS, "process()\n--\n\nA number that differs in a forked child."},
    {"read", read_one, METH_VARARGS, "read(data, number, certain, takes)\n--\n\nFor tests: an answer; None: not plain."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_lane", "The lane in C, see runner/lane/lane.py.", -1, functions, NULL, NULL, NULL, NULL,
};

static void count_fork(void)
{
    forks++;
}

/* A name of a module of ours; NULL with an exception set. */
static PyObject *imported(const char *module, const char *name)
{
    PyObject *found = PyImport_ImportModule(module);
    PyObject *value = found ? PyObject_GetAttrString(found, name) : NULL;
    Py_XDECREF(found);
    return value;
}

static int make_names(void)
{
#define MADE(name) && (s_##name.text = PyUnicode_InternFromString(#name))
    return 1 NAMES(MADE) ? 0 : -1;
}

static int add_lane(PyObject *module)
{
    lane_type = PyType_FromSpec(&lane_spec);
    return lane_type ? PyModule_AddObjectRef(module, "Lane", lane_type) : -1;
}

PyMODINIT_FUNC PyInit__lane(void)
{
    if (make_names() || !(nothing = PyTuple_New(0)) || !(one = PyLong_FromLong(1)) ||
        !(idle = imported("runner.wire.session", "AFTER_RESULT")) ||
        !(after_exec = imported("runner.wire.session", "AFTER_EXEC")) ||
        !(host_fault = imported("runner.errors", "HostFault")) || !(calls = imported("runner.calls", "CALLS")))
        return NULL;
    if (pthread_atfork(NULL, NULL, count_fork))
        return PyErr_NoMemory();
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (add_lane(module) || add_looks(module) || add_exported(module) || add_at_once(module) || PyModule_AddStringConstant(module, "SOURCES", SOURCES)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
