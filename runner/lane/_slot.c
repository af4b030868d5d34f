/*
What Pool.at_once and Pool.release of runner/pool/pool.py do nearly always; all else is theirs.

Nothing here lets go of the GIL between its first look and its last change, so the lock has to be free, and need not be
taken: whoever else wants it cannot run.
*/

#include "_slot.h"

#include "_lane.h"

/* An attribute of an object that may be NULL; -1 with an exception set. */
static int take(PyObject **place, PyObject *object, Name *name)
{
    PyObject *found = object ? get(object, name) : NULL, *before = *place;
    *place = found;
    Py_XDECREF(before);
    return found ? 0 : -1;
}

static int take_kept(Workers *self, PyObject *kept)
{
    PyObject *lock = NULL;
    Py_CLEAR(self->kept);
    int failed = take(&self->pool, kept, &s_pool) || take(&self->slots, self->pool, &s_slots) ||
                 take(&self->queue, self->pool, &s_queue) || take(&lock, self->slots, &s_lock) ||
                 take(&self->is_locked, lock, &s_locked);
    Py_XDECREF(lock);
    if (failed)
        return -1;
    self->kept = Py_NewRef(kept);
    return 0;
}

/* What the settings say, which are never changed: others take their place. */
static int take_settings(Workers *self)
{
    PyObject *settings = get(self->slots, &s_settings);
    if (!settings || settings == self->settings) {
        Py_XDECREF(settings);
        return settings ? 0 : -1;
    }
    PyObject *statics = get(settings, &s_statics), *ttl_s = get(settings, &s_ttl_s);
    self->keeps_statics = statics && PyUnicode_Check(statics) && !PyUnicode_CompareWithASCIIString(statics, "kept");
    self->ttl_s = ttl_s ? PyFloat_AsDouble(ttl_s) : 0;
    self->max_loads = number_of(settings, &s_max_loads);
    self->weighs_memory = is_true(settings, &s_max_worker_memory_mib);
    Py_XDECREF(statics);
    Py_XDECREF(ttl_s);
    if (PyErr_Occurred()) {
        Py_DECREF(settings);
        return -1;
    }
    PyObject *before = self->settings;
    self->settings = settings;
    Py_XDECREF(before);
    return 0;
}

static int is_free(const Workers *self)
{
    PyObject *locked = PyObject_CallNoArgs(self->is_locked);
    Py_XDECREF(locked);
    return locked ? locked == Py_False : -1;
}

/* Whether object.name[key] is this very object. */
static int has_item(PyObject *object, Name *name, PyObject *key, PyObject *expected)
{
    PyObject *items = get(object, name), *found = items ? PyObject_GetItem(items, key) : NULL;
    Py_XDECREF(items);
    Py_XDECREF(found);
    if (found || !PyErr_ExceptionMatches(PyExc_KeyError))
        return found ? found == expected : -1;
    PyErr_Clear();
    return 0;
}

int take_slot(Workers *self, PyObject *kept, PyObject *generation, PyObject *path, PyObject **slot)
{
    if ((kept != self->kept && take_kept(self, kept)) || take_settings(self))
        return -1;
    PyObject *free = get(self->slots, &s_released);
    if (!free || free == Py_None || !self->keeps_statics) { /* a lane is for kept statics alone */
        Py_XDECREF(free);
        return free ? 0 : -1;
    }
    const Attribute others[] = {{self->slots, &s_is_closed}, {self->queue, &s_requests}};
    int is_it = is_free(self);
    if (is_it > 0)
        is_it = is_attribute(free, &s_state, self->idle);
    if (is_it > 0)
        is_it = is_attribute(free, &s_lent_to, Py_None);
    if (is_it > 0)
        is_it = has_item(self->slots, &s_recent, path, generation);
    if (is_it > 0)
        is_it = are_nothing(others, sizeof others / sizeof *others);
    if (is_it > 0) {
        PyObject *recent = get(self->slots, &s_recent);
        PyObject *moved = recent ? PyObject_CallMethodObjArgs(recent, s_move_to_end.text, path, NULL) : NULL;
        Py_XDECREF(recent);
        Py_XDECREF(moved);
        is_it = moved && !set(free, &s_state, self->leased) ? 1 : -1;
    }
    if (is_it > 0)
        *slot = free;
    else
        Py_DECREF(free);
    return is_it;
}

/* Whether a number is less than a bound, where there is a bound. */
static int is_below(PyObject *object, Name *name, long long bound)
{
    long long number = bound ? number_of(object, name) : 0;
    return number == -1 && PyErr_Occurred() ? -1 : !bound || number < bound;
}

static int is_young(const Workers *self, PyObject *worker, double now)
{
    PyObject *started = self->ttl_s ? get(worker, &s_started_at) : Py_NewRef(Py_None);
    double started_at = started && started != Py_None ? PyFloat_AsDouble(started) : now;
    Py_XDECREF(started);
    return PyErr_Occurred() ? -1 : !self->ttl_s || now - started_at < self->ttl_s;
}

/* Whether a worker is alive, and may serve on. */
static int serves_on(const Workers *self, PyObject *slot, PyObject *worker, double now)
{
    PyObject *holdings = get(worker, &s_holdings), *process = get(worker, &s__process);
    long long most = holdings && process ? number_of(slot, &s_max_jobs) : -1;
    int is_it = PyErr_Occurred() ? -1 : is_attribute(process, &s_exit_code, Py_None);
    const Attribute looks[] = {{worker, &s_has_ended}, {holdings, &s_retire_reason}};
    if (is_it > 0)
        is_it = are_nothing(looks, sizeof looks / sizeof *looks);
    if (is_it > 0)
        is_it = is_below(holdings, &s_execs, most);
    if (is_it > 0)
        is_it = is_below(holdings, &s_loads, self->max_loads);
    if (is_it > 0)
        is_it = is_young(self, worker, now);
    Py_XDECREF(holdings);
    Py_XDECREF(process);
    return is_it;
}

/* The same where nothing else has to be done; 0 where something has, -1 with an exception set. */
static int release_at_once(Workers *self, PyObject *slot, double now)
{
    if (take_settings(self) || self->weighs_memory)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *worker = get(slot, &s_worker);
    if (!worker || worker == Py_None) {
        Py_XDECREF(worker);
        return worker ? 0 : -1;
    }
    const Attribute looks[] = {
        {slot, &s_beyond},           {slot, &s_retire_reason},  {slot, &s_is_behind},       {self->slots, &s_start_error},
        {self->slots, &s_is_closed}, {self->slots, &s_retired}, {self->queue, &s_requests},
    };
    int is_it = is_free(self);
    if (is_it > 0)
        is_it = are_nothing(looks, sizeof looks / sizeof *looks);
    if (is_it > 0)
        is_it = serves_on(self, slot, worker, now);
    Py_DECREF(worker);
    if (is_it > 0 && (set(slot, &s_state, self->idle) || set(self->slots, &s_released, slot)))
        is_it = -1;
    return is_it;
}

int give_back(Workers *self, PyObject *pool, PyObject *slot, double now)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    int is_done = pool == self->pool && self->kept && release_at_once(self, slot, now) > 0;
    PyErr_Clear(); /* whatever is wrong, Python finds it as well */
    if (!is_done) {
        PyObject *release = get(pool, &s_release), *args = PyTuple_Pack(1, slot), *survives = Py_BuildValue("{sO}", "survives", Py_True);
        PyObject *done = release && args && survives ? PyObject_Call(release, args, survives) : NULL;
        is_done = done != NULL;
        Py_XDECREF(done);
        Py_XDECREF(survives);
        Py_XDECREF(args);
        Py_XDECREF(release);
    }
    if (type) /* what came first counts */
        PyErr_Restore(type, error, trace);
    return is_done ? 0 : -1;
}
