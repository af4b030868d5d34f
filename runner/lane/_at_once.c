/*
What AtOnce.exec of runner/at_once.py does where the build is current, a worker that has run it is free and has a lane.

The same looks at the same attributes, and the slot is taken under the same lock. Whatever is not so is left to that
method, from the start; an exec that was begun goes on there, with its slot.
*/

#include "_at_once.h"

#include "_counting.h"
#include "_lane.h"
#include "_slot.h"

#include <string.h>
#include <time.h>

#define NS_PER_US 1000

typedef struct {
    PyObject_HEAD
    PyObject *seen, *by_runtime, *poison, *generation_type, *new_outcome, *timing, *result;
    PyObject *lock, *is_locked, *counted; /* of the counts */
    PyObject *otherwise, *go_on;
    Workers workers;
    Counting counting;
} AtOnce;

#define OWNED(X)                                                                                                       \
    X(seen) X(by_runtime) X(poison) X(generation_type) X(new_outcome) X(timing) X(result) X(lock) X(is_locked) X(counted) \
    X(otherwise) X(go_on) OF_WORKERS(X)

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

/* The build of a name, where it is known and its files are as they were; 0 where not, -1 with an exception set. */
static int take_build(const AtOnce *self, Way *way)
{
    PyObject *seen = PyDict_GetItemWithError(self->seen, way->name);
    if (!seen)
        return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(seen);
    PyObject *script = NULL, *rejected = NULL, *why = NULL, *stamps = NULL, *look = NULL, *holds = NULL;
    int is_it = is_true(seen, &s_trusted);
    if (is_it > 0 && (way->generation = get(seen, &s_found)))
        is_it = Py_TYPE(way->generation) == (PyTypeObject *)self->generation_type;
    if (is_it > 0 && (script = get(seen, &s_script)) && (rejected = get(script, &s_rejected)) &&
        (why = PySequence_GetItem(rejected, 1)))
        is_it = why == Py_None;
    if (is_it > 0 && !PyErr_Occurred() && (stamps = get(seen, &s_stamps)) &&
        (look = get(stamps, &s_at_once)) && (holds = PyObject_CallNoArgs(look)))
        is_it = PyObject_IsTrue(holds);
    Py_XDECREF(holds);
    Py_XDECREF(look);
    Py_XDECREF(stamps);
    Py_XDECREF(why);
    Py_XDECREF(rejected);
    Py_XDECREF(script);
    Py_DECREF(seen);
    if (!PyErr_Occurred() && is_it > 0 && (way->key = get(way->generation, &s_path)))
        way->id = get(way->generation, &s_id);
    return PyErr_Occurred() ? -1 : is_it;
}

/* A slot with its lane; 0 where there is none at once, and then nothing is taken. */
static int take_worker(AtOnce *self, Way *way)
{
    PyObject *runtime = get(way->generation, &s_runtime);
    PyObject *kept = runtime ? PyDict_GetItemWithError(self->by_runtime, runtime) : NULL;
    Py_XDECREF(runtime);
    if (!kept)
        return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(kept);
    int is_it = take_slot(&self->workers, kept, way->generation, way->key, &way->slot);
    if (is_it > 0)
        way->pool = Py_NewRef(self->workers.pool);
    Py_DECREF(kept);
    return is_it;
}

/* The lane of a slot that is leased; 0 where it has none, or a worker that has ended. */
static int take_lane(Way *way, PyObject *entry)
{
    PyObject *worker = get(way->slot, &s_worker), *holdings = NULL, *ran = NULL, *conversation = NULL;
    PyObject *lanes = NULL, *by_build = NULL, *key = PyTuple_Pack(2, way->id, entry), *lane = NULL;
    int is_it = worker && key ? is_true(worker, &s_has_ended) : -1;
    if (is_it == 0 && (holdings = get(worker, &s_holdings)) && (ran = get(holdings, &s_ran)) &&
        PyDict_Check(ran)) {
        PyObject *last = PyDict_GetItemWithError(ran, way->key);
        is_it = last && PyObject_RichCompareBool(last, way->id, Py_EQ) == 1;
    }
    else
        is_it = 0;
    if (is_it > 0 && (conversation = get(worker, &s_conversation)) &&
        (lanes = get(conversation, &s_lanes)) && (by_build = get(lanes, &s_by_build)) &&
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

/* What Counted.row gave last, as a new reference, where it is that of this build; NULL, and no exception, where not. */
static PyObject *last_row(const AtOnce *self, const Way *way)
{
    PyObject *last = get(self->counted, &s__last), *row = NULL;
    if (last && PyTuple_Check(last) && PyTuple_Size(last) == 3 && /* path, id, row */
        PyObject_RichCompareBool(PyTuple_GetItem(last, 1), way->id, Py_EQ) > 0 &&
        PyObject_RichCompareBool(PyTuple_GetItem(last, 0), way->key, Py_EQ) > 0)
        row = Py_NewRef(PyTuple_GetItem(last, 2));
    Py_XDECREF(last);
    PyErr_Clear();
    return row;
}

/* As ExecCounts.add, with its lock held; -1 with an exception set. */
static int count_locked(const AtOnce *self, const Way *way, const Outcome *outcome, const long long *spent_ns)
{
    PyObject *row = PyObject_CallMethodObjArgs(self->counted, s_row.text, way->key, way->id, NULL);
    int failed = !row || count_in(row, &self->counting, outcome->has_ended_routing, outcome->code, outcome->certain, spent_ns);
    Py_XDECREF(row);
    return failed ? -1 : 0;
}

/* The same. Where the row is at hand nothing lets go of the GIL, so the lock has to be free, and need not be taken. */
static int count_exec(const AtOnce *self, const Way *way, const Outcome *outcome, const long long *spent_ns)
{
    PyObject *locked = PyObject_CallNoArgs(self->is_locked), *row = locked == Py_False ? last_row(self, way) : NULL;
    Py_XDECREF(locked);
    if (row) {
        int failed = count_in(row, &self->counting, outcome->has_ended_routing, outcome->code, outcome->certain, spent_ns);
        Py_DECREF(row);
        return failed;
    }
    PyObject *held = locked ? PyObject_CallMethodObjArgs(self->lock, s_acquire.text, NULL) : NULL;
    if (!held)
        return -1;
    Py_DECREF(held);
    int failed = count_locked(self, way, outcome, spent_ns);
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyObject *released = PyObject_CallMethodObjArgs(self->lock, s_release.text, NULL);
    Py_XDECREF(released);
    PyErr_Restore(type, error, trace);
    return failed;
}

/* A tuple of a class of named ones; `items` is stolen. */
static PyObject *named_tuple(PyObject *type, PyObject *items)
{
    newfunc new_tuple = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *args = items ? PyTuple_Pack(1, items) : NULL, *made = args ? new_tuple((PyTypeObject *)type, args, NULL) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(items);
    return made;
}

/* As PyTuple_Pack of new references, of which none may be NULL; they are stolen. */
static PyObject *packed(PyObject *const *items, Py_ssize_t count)
{
    int is_whole = 1;
    for (Py_ssize_t at = 0; at < count; at++)
        is_whole = is_whole && items[at];
    PyObject *all = is_whole ? PyTuple_New(count) : NULL;
    for (Py_ssize_t at = 0; at < count; at++)
        if (all)
            PyTuple_SetItem(all, at, items[at]);
        else
            Py_XDECREF(items[at]);
    return all;
}

/* The result of what is done, which is counted, and its slot given back. */
static PyObject *finish(AtOnce *self, const Way *way, const Outcome *outcome)
{
    long long now = now_ns();
    if (give_back(&self->workers, way->pool, way->slot, (double)now * 1e-9))
        return NULL;
    long long all = now - way->began, load = way->ready - way->began, queue = way->leased - way->ready;
    const long long spent_ns[] = {all, queue, load};
    if (count_exec(self, way, outcome, spent_ns))
        return NULL;
    PyObject *times[] = {PyLong_FromLongLong(queue / NS_PER_US), PyLong_FromLongLong(load / NS_PER_US),
                         PyLong_FromLongLong((now - way->leased) / NS_PER_US), PyLong_FromLongLong(all / NS_PER_US)};
    /* it asked nothing, and logged nothing */
    long long calls = outcome->certain + __builtin_popcountll((unsigned long long)outcome->used);
    PyObject *items[] = {PyBool_FromLong(!outcome->code),      PyLong_FromLongLong(outcome->code),
                         Py_NewRef(Py_None),                   named_tuple(self->timing, packed(times, 4)),
                         PyLong_FromLongLong(calls),           PyBool_FromLong(outcome->has_ended_routing)};
    return named_tuple(self->result, packed(items, 6));
}

/* A host's text for another one; NULL with an exception set. A host is not asked where nothing could be replaced. */
static PyObject *expanded(PyObject *host, PyObject *text)
{
    Py_ssize_t size;
    const char *plain = ascii_of(text, &size);
    return plain && !memchr(plain, '$', (size_t)size) ? Py_NewRef(text) : text == Py_None ? Py_NewRef(text) : PyObject_CallMethodObjArgs(host, s_expand.text, text, NULL);
}

/* What is not done goes on in Python, with its slot; `heard` is stolen, and NULL where an exception is set. */
static PyObject *go_on(const AtOnce *self, const Way *way, PyObject *const *args, Outcome *outcome, PyObject *heard)
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
    PyObject *did = times ? outcome_object(outcome) : NULL;
    if (did)
        result = PyObject_CallFunctionObjArgs(self->go_on, way->pool, way->slot, way->generation, way->name, way->param,
                                              args[2], args[3], args[4], times, did, heard, NULL);
    Py_XDECREF(times);
    Py_XDECREF(heard);
    return result;
}

/* exec(path, param, host, timeout_s, entry), as AtOnce.exec of at_once.py, to which it leaves what is not usual. */
static PyObject *at_once_exec(AtOnce *self, PyObject *const *args, Py_ssize_t count)
{
    Way way = {.began = now_ns()};
    Outcome outcome = {self->new_outcome, NULL, 0, 0, 0, 0, 0};
    PyObject *done = NULL, *result = NULL;
    double timeout_s = count == 5 ? PyFloat_AsDouble(args[3]) : -1;
    int is_it = count == 5 && !PyErr_Occurred() ? is_true(self->poison, &s_until) : 1;
    is_it = !is_it && (way.name = expanded(args[2], args[0])) && (way.param = expanded(args[2], args[1])) ? 1 : 0;
    if (is_it)
        is_it = take_build(self, &way);
    way.ready = now_ns();
    double deadline = (double)way.began * 1e-9 + timeout_s;
    if (is_it > 0 && (double)way.ready * 1e-9 < deadline)
        is_it = take_worker(self, &way);
    else
        is_it = 0;
    (void)not_usual(); /* whatever is wrong, Python finds it as well; but Ctrl-C comes once */
    if (is_it > 0) {
        way.leased = now_ns();
        is_it = take_lane(&way, args[4]);
        (void)not_usual();
        if (is_it <= 0)
            give_back(&self->workers, way.pool, way.slot, (double)way.leased * 1e-9); /* which retires one that has ended */
    }
    if (is_it > 0) {
        Host host = {Py_NewRef(args[2]), NULL, NULL, NULL};
        done = run_lane((Lane *)way.lane, way.generation, way.param, &host, deadline, &outcome);
        release_host(&host);
        result = done == Py_True ? finish(self, &way, &outcome)
                                 : go_on(self, &way, args, &outcome, done == Py_False ? Py_NewRef(Py_None) : done ? Py_NewRef(done) : NULL);
        Py_XDECREF(done);
    }
    else if (!PyErr_Occurred()) {
        int is_known = way.name && way.param; /* nothing is expanded twice: $shtinc counts */
        PyObject *known = is_known ? Py_BuildValue("(LOO)", way.began, way.name, way.param) : NULL;
        PyObject *all = is_known && !known ? NULL : PyTuple_New(count + is_known);
        for (Py_ssize_t at = 0; all && at < count; at++)
            PyTuple_SetItem(all, at, Py_NewRef(args[at]));
        if (all && known)
            PyTuple_SetItem(all, count, Py_NewRef(known));
        Py_XDECREF(known);
        result = all ? PyObject_CallObject(self->otherwise, all) : NULL;
        Py_XDECREF(all);
    }
    release_outcome(&outcome);
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
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!O!O(OO)(OO)(O!O!)(OOO)(OO):AtOnce", names, &PyDict_Type, &of.seen,
                                     &PyDict_Type, &of.by_runtime, &of.poison, &of.generation_type, &of.new_outcome,
                                     &of.workers.idle, &of.workers.leased, &PyType_Type, &of.timing, &PyType_Type, &of.result, &of.lock,
                                     &of.counted, &places, &of.otherwise, &of.go_on))
        return NULL;
    AtOnce *self = (AtOnce *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
#define TAKEN(name) Py_XINCREF(of.name), self->name = of.name;
    OWNED(TAKEN)
    self->is_locked = get(self->lock, &s_locked);
    if (!self->is_locked || take_counting(&self->counting, places))
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
