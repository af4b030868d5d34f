/*
What AtOnce.exec of runner/at_once.py does where the build is current, a worker that has run it is free and has a lane.

The same looks at the same attributes, and the slot is taken under the same lock. Whatever is not so is left to that
method, from the start; an exec that was begun goes on there, with its slot.
*/

#include "_at_once.h"

#include "_counting.h"
#include "_lane.h"

#include <time.h>

#define NS_PER_US 1000

typedef struct {
    PyObject_HEAD
    PyObject *seen, *by_runtime, *poison, *generation_type, *idle, *leased, *new_outcome, *timing, *result;
    PyObject *lock, *row_of; /* of the counts */
    PyObject *otherwise, *go_on;
    PyObject *survives; /* names of arguments */
    Counting counting;
} AtOnce;

#define OWNED(X)                                                                                                       \
    X(seen) X(by_runtime) X(poison) X(generation_type) X(idle) X(leased) X(new_outcome) X(timing) X(result) X(lock)    \
    X(row_of) X(otherwise) X(go_on) X(survives)

/* What one exec needs; each is owned. */
typedef struct {
    PyObject *name, *param, *generation, *key, *id, *pool, *slot, *lane;
    long long began, ready, leased;
} Way;

static void release_way(Way *way)
{
    PyObject *owned[] = {way->name, way->param, way->generation, way->key, way->id, way->pool, way->slot, way->lane};
    for (size_t at = 0; at < sizeof owned / sizeof *owned; at++)
        Py_XDECREF(owned[at]);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whether an attribute is true, as Python has it; -1 with an exception set. */
static int is_true(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(object, name);
    int found = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return found;
}

/* The build of a name, where it is known and its files are as they were; 0 where not, -1 with an exception set. */
static int take_build(const AtOnce *self, Way *way)
{
    PyObject *seen = PyDict_GetItemWithError(self->seen, way->name);
    if (!seen)
        return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(seen);
    PyObject *script = NULL, *rejected = NULL, *why = NULL, *stamps = NULL, *look = NULL, *holds = NULL;
    int is_it = is_true(seen, s_trusted);
    if (is_it > 0 && (way->generation = PyObject_GetAttr(seen, s_found)))
        is_it = Py_TYPE(way->generation) == (PyTypeObject *)self->generation_type;
    if (is_it > 0 && (script = PyObject_GetAttr(seen, s_script)) && (rejected = PyObject_GetAttr(script, s_rejected)) &&
        (why = PySequence_GetItem(rejected, 1)))
        is_it = why == Py_None;
    if (is_it > 0 && !PyErr_Occurred() && (stamps = PyObject_GetAttr(seen, s_stamps)) &&
        (look = PyObject_GetAttr(stamps, s_at_once)) && (holds = PyObject_CallNoArgs(look)))
        is_it = PyObject_IsTrue(holds);
    Py_XDECREF(holds);
    Py_XDECREF(look);
    Py_XDECREF(stamps);
    Py_XDECREF(why);
    Py_XDECREF(rejected);
    Py_XDECREF(script);
    Py_DECREF(seen);
    if (!PyErr_Occurred() && is_it > 0 && (way->key = PyObject_GetAttr(way->generation, s_path)))
        way->id = PyObject_GetAttr(way->generation, s_id);
    return PyErr_Occurred() ? -1 : is_it;
}

/* Whether object.name[key] is this very object. */
static int has_item(PyObject *object, PyObject *name, PyObject *key, PyObject *expected)
{
    PyObject *items = PyObject_GetAttr(object, name), *found = items ? PyObject_GetItem(items, key) : NULL;
    Py_XDECREF(items);
    Py_XDECREF(found);
    if (found || !PyErr_ExceptionMatches(PyExc_KeyError))
        return found ? found == expected : -1;
    PyErr_Clear();
    return 0;
}

/* Whether a script's statics are kept from exec to exec; a lane is for these alone. */
static int keeps_statics(PyObject *slots)
{
    PyObject *settings = PyObject_GetAttr(slots, s_settings), *statics = settings ? PyObject_GetAttr(settings, s_statics) : NULL;
    int keeps = statics && PyUnicode_Check(statics) ? !PyUnicode_CompareWithASCIIString(statics, "kept") : 0;
    Py_XDECREF(statics);
    Py_XDECREF(settings);
    return PyErr_Occurred() ? -1 : keeps;
}

/* Under the lock: takes the slot of the exec before, where it is free; 0 where not. */
static int lease(const AtOnce *self, PyObject *slots, PyObject *queue, Way *way)
{
    way->slot = PyObject_GetAttr(slots, s_released);
    if (!way->slot || way->slot == Py_None)
        return way->slot ? 0 : -1;
    int is_it = is_attribute(way->slot, s_state, self->idle);
    if (is_it > 0)
        is_it = is_attribute(way->slot, s_lent_to, Py_None);
    if (is_it > 0)
        is_it = keeps_statics(slots);
    if (is_it > 0)
        is_it = has_item(slots, s_recent, way->key, way->generation);
    PyObject *others[][2] = {{slots, s_is_closed}, {queue, s_requests}};
    for (size_t at = 0; is_it > 0 && at < sizeof others / sizeof *others; at++) {
        int is_other = is_true(others[at][0], others[at][1]);
        is_it = is_other < 0 ? -1 : !is_other;
    }
    if (is_it <= 0)
        return is_it;
    PyObject *recent = PyObject_GetAttr(slots, s_recent);
    PyObject *moved = recent ? PyObject_CallMethodObjArgs(recent, s_move_to_end, way->key, NULL) : NULL;
    Py_XDECREF(recent);
    Py_XDECREF(moved);
    return moved && !PyObject_SetAttr(way->slot, s_state, self->leased) ? 1 : -1;
}

/* A slot with its lane; 0 where there is none at once, and then nothing is taken. */
static int take_slot(const AtOnce *self, Way *way)
{
    PyObject *runtime = PyObject_GetAttr(way->generation, s_runtime);
    PyObject *kept = runtime ? PyDict_GetItemWithError(self->by_runtime, runtime) : NULL;
    Py_XDECREF(runtime);
    if (!kept)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *slots = NULL, *queue = NULL, *lock = NULL, *held = NULL;
    int is_it = -1;
    if ((way->pool = PyObject_GetAttr(kept, s_pool)) && (slots = PyObject_GetAttr(way->pool, s_slots)) &&
        (queue = PyObject_GetAttr(way->pool, s_queue)) && (lock = PyObject_GetAttr(slots, s_lock)) &&
        (held = PyObject_CallMethodObjArgs(lock, s_acquire, NULL))) {
        is_it = lease(self, slots, queue, way);
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        PyObject *released = PyObject_CallMethodObjArgs(lock, s_release, NULL);
        Py_XDECREF(released);
        PyErr_Restore(type, error, trace);
    }
    Py_XDECREF(held);
    Py_XDECREF(lock);
    Py_XDECREF(queue);
    Py_XDECREF(slots);
    if (is_it <= 0)
        Py_CLEAR(way->slot);
    return is_it;
}

/* The lane of a slot that is leased; 0 where it has none, or a worker that has ended. */
static int take_lane(Way *way, PyObject *entry)
{
    PyObject *worker = PyObject_GetAttr(way->slot, s_worker), *holdings = NULL, *ran = NULL, *conversation = NULL;
    PyObject *lanes = NULL, *by_build = NULL, *key = PyTuple_Pack(2, way->id, entry), *lane = NULL;
    int is_it = worker && key ? is_true(worker, s_has_ended) : -1;
    if (is_it == 0 && (holdings = PyObject_GetAttr(worker, s_holdings)) && (ran = PyObject_GetAttr(holdings, s_ran)) &&
        PyDict_Check(ran)) {
        PyObject *last = PyDict_GetItemWithError(ran, way->key);
        is_it = last && PyObject_RichCompareBool(last, way->id, Py_EQ) == 1;
    }
    else
        is_it = 0;
    if (is_it > 0 && (conversation = PyObject_GetAttr(worker, s_conversation)) &&
        (lanes = PyObject_GetAttr(conversation, s_lanes)) && (by_build = PyObject_GetAttr(lanes, s_by_build)) &&
        PyDict_Check(by_build))
        lane = PyDict_GetItemWithError(by_build, key);
    if (lane && Py_TYPE(lane) == (PyTypeObject *)lane_type)
        way->lane = Py_NewRef(lane);
    Py_XDECREF(by_build);
    Py_XDECREF(lanes);
    Py_XDECREF(key);
    Py_XDECREF(conversation);
    Py_XDECREF(ran);
    Py_XDECREF(holdings);
    Py_XDECREF(worker);
    return PyErr_Occurred() ? -1 : way->lane != NULL;
}

/* Gives the slot back; -1 with an exception set. */
static int give_back(const AtOnce *self, const Way *way)
{
    PyObject *release = PyObject_GetAttr(way->pool, s_release), *args = PyTuple_Pack(1, way->slot);
    PyObject *done = release && args ? PyObject_Call(release, args, self->survives) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(args);
    Py_XDECREF(release);
    return done ? 0 : -1;
}

/* As ExecCounts.add; -1 with an exception set. */
static int count_exec(const AtOnce *self, const Way *way, int has_ended, long long code, long long edits,
                      const long long *spent_ns)
{
    PyObject *held = PyObject_CallMethodObjArgs(self->lock, s_acquire, NULL);
    if (!held)
        return -1;
    Py_DECREF(held);
    PyObject *row = PyObject_CallFunctionObjArgs(self->row_of, way->key, way->id, NULL);
    int failed = !row || count_in(row, &self->counting, has_ended, code, edits, spent_ns);
    Py_XDECREF(row);
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyObject *released = PyObject_CallMethodObjArgs(self->lock, s_release, NULL);
    Py_XDECREF(released);
    PyErr_Restore(type, error, trace);
    return failed ? -1 : 0;
}

/* The result of what is done, which is counted, and its slot given back. */
static PyObject *finish(const AtOnce *self, const Way *way, PyObject *outcome)
{
    if (give_back(self, way))
        return NULL;
    long long now = now_ns(), all = now - way->began, load = way->ready - way->began, queue = way->leased - way->ready;
    const long long spent_ns[] = {all, queue, load};
    long long code = number_of(outcome, s_code), used = number_of(outcome, s_used), edits = number_of(outcome, s_certain);
    PyObject *has_ended = PyObject_GetAttr(outcome, s_has_ended_routing), *times = NULL, *result = NULL;
    int failed = PyErr_Occurred() || count_exec(self, way, has_ended == Py_True, code, edits, spent_ns);
    PyObject *four = !failed ? Py_BuildValue("(LLLL)", queue / NS_PER_US, load / NS_PER_US, (now - way->leased) / NS_PER_US,
                                             all / NS_PER_US)
                             : NULL;
    if (four)
        times = PyObject_CallFunctionObjArgs(self->timing, four, NULL);
    if (times) { /* it asked nothing, and logged nothing */
        PyObject *six = Py_BuildValue("(OLOOLO)", code ? Py_False : Py_True, code, Py_None, times,
                                      edits + __builtin_popcountll((unsigned long long)used), has_ended);
        result = six ? PyObject_CallFunctionObjArgs(self->result, six, NULL) : NULL;
        Py_XDECREF(six);
    }
    Py_XDECREF(times);
    Py_XDECREF(four);
    Py_XDECREF(has_ended);
    return result;
}

/* A host's text for another one; NULL with an exception set. */
static PyObject *expanded(PyObject *host, PyObject *text)
{
    return text == Py_None ? Py_NewRef(text) : PyObject_CallMethodObjArgs(host, s_expand, text, NULL);
}

/* What is not done goes on in Python, with its slot; `heard` is stolen, and NULL where an exception is set. */
static PyObject *go_on(const AtOnce *self, const Way *way, PyObject *const *args, PyObject *outcome, PyObject *heard)
{
    if (!heard) {
        PyObject *type, *trace;
        PyErr_Fetch(&type, &heard, &trace);
        PyErr_NormalizeException(&type, &heard, &trace);
        if (trace)
            PyException_SetTraceback(heard, trace);
        Py_XDECREF(type);
        Py_XDECREF(trace);
    }
    PyObject *times = Py_BuildValue("(LLL)", way->began, way->ready, way->leased), *result = NULL;
    if (times)
        result = PyObject_CallFunctionObjArgs(self->go_on, way->pool, way->slot, way->generation, way->name, way->param,
                                              args[2], args[3], args[4], times, outcome, heard, NULL);
    Py_XDECREF(times);
    Py_XDECREF(heard);
    return result;
}

/* exec(path, param, host, timeout_s, entry) */
static PyObject *at_once_exec(AtOnce *self, PyObject *const *args, Py_ssize_t count)
{
    Way way = {.began = now_ns()};
    PyObject *outcome = NULL, *done = NULL, *result = NULL;
    double timeout_s = count == 5 ? PyFloat_AsDouble(args[3]) : -1;
    int is_it = count == 5 && !PyErr_Occurred() ? is_true(self->poison, s_until) : 1;
    is_it = !is_it && (way.name = expanded(args[2], args[0])) && (way.param = expanded(args[2], args[1])) ? 1 : 0;
    if (is_it)
        is_it = take_build(self, &way);
    way.ready = now_ns();
    double deadline = (double)way.began * 1e-9 + timeout_s;
    if (is_it > 0 && (double)way.ready * 1e-9 < deadline)
        is_it = take_slot(self, &way);
    else
        is_it = 0;
    PyErr_Clear(); /* whatever is wrong, Python finds it as well */
    if (is_it > 0) {
        way.leased = now_ns();
        outcome = PyObject_CallNoArgs(self->new_outcome);
        is_it = outcome ? take_lane(&way, args[4]) : 0;
        PyErr_Clear();
        if (!is_it && give_back(self, &way)) { /* which retires one that has ended */
            release_way(&way);
            Py_XDECREF(outcome);
            return NULL;
        }
    }
    if (is_it > 0) {
        Host host = {Py_NewRef(args[2]), NULL, NULL, NULL};
        done = run_lane((Lane *)way.lane, way.generation, way.param, &host, deadline, outcome);
        release_host(&host);
        result = done == Py_True ? finish(self, &way, outcome)
                                 : go_on(self, &way, args, outcome, done == Py_False ? Py_NewRef(Py_None) : done ? Py_NewRef(done) : NULL);
        Py_XDECREF(done);
    }
    else {
        PyObject *all = PyTuple_New(count);
        for (Py_ssize_t at = 0; all && at < count; at++)
            PyTuple_SetItem(all, at, Py_NewRef(args[at]));
        result = all ? PyObject_CallObject(self->otherwise, all) : NULL;
        Py_XDECREF(all);
    }
    Py_XDECREF(outcome);
    release_way(&way);
    return result;
}

#define VISITED(name) Py_VISIT(self->name);
#define CLEARED(name) Py_CLEAR(self->name);

static int at_once_traverse(AtOnce *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    OWNED(VISITED)
    return 0;
}

static int at_once_clear(AtOnce *self)
{
    OWNED(CLEARED)
    return 0;
}

static void at_once_dealloc(AtOnce *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    at_once_clear(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *at_once_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *names[] = {"seen", "by_runtime", "poison", "types", "states", "shapes", "counts", "otherwise", NULL};
    AtOnce of = {0};
    PyObject *places;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!O!O(OO)(OO)(OO)(OOO)(OO):AtOnce", names, &PyDict_Type, &of.seen,
                                     &PyDict_Type, &of.by_runtime, &of.poison, &of.generation_type, &of.new_outcome,
                                     &of.idle, &of.leased, &of.timing, &of.result, &of.lock,
                                     &of.row_of, &places, &of.otherwise, &of.go_on))
        return NULL;
    AtOnce *self = (AtOnce *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
#define TAKEN(name) Py_XINCREF(of.name), self->name = of.name;
    OWNED(TAKEN)
    self->survives = Py_BuildValue("{sO}", "survives", Py_True);
    if (!self->survives || take_counting(&self->counting, places))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyMethodDef methods[] = {
    {"exec", (PyCFunction)(void (*)(void))at_once_exec, METH_FASTCALL, "As AtOnce.exec of runner/at_once.py."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "AtOnce(seen, by_runtime, poison, types, states, shapes, counts, otherwise): the common exec of a Runner."},
    {Py_tp_new, at_once_new},
    {Py_tp_dealloc, at_once_dealloc},
    {Py_tp_traverse, at_once_traverse},
    {Py_tp_clear, at_once_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "runner.lane._lane.AtOnce", sizeof(AtOnce), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, slots,
};

int add_at_once(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    int failed = type ? PyModule_AddObjectRef(module, "AtOnce", type) : -1;
    Py_XDECREF(type);
    return failed;
}
