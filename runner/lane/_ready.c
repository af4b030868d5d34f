/*
Whether an exec may begin at once: as Lease._at_once of runner/client/lease.py, with the same looks at the same attributes.

What a lease has is kept until it begins again, which is when its `_link` is another one. Must not know hosts or lines.
*/

#include "_ready.h"

#include <errno.h>
#include <sys/socket.h>

#define LISTEN_S 0.01 /* as in runner/client/lease.py */

void release_ready(Ready *ready)
{
    Py_CLEAR(ready->script);
    Py_CLEAR(ready->held);
    Py_CLEAR(ready->generation);
    Py_CLEAR(ready->holdings);
    Py_CLEAR(ready->lane);
}

void release_borrower(Borrower *self)
{
    PyObject **owned[] = {&self->lease,    &self->link,   &self->workers, &self->scripts, &self->refusals,
                          &self->within, &self->running, &self->tally,   &self->control};
    for (size_t at = 0; at < sizeof owned / sizeof *owned; at++)
        Py_CLEAR(*owned[at]);
}

static int take(PyObject **place, PyObject *object, const char *name)
{
    PyObject *found = PyObject_GetAttrString(object, name), *before = *place;
    if (!found) /* what runs around this goes on with what it has */
        return -1;
    *place = found;
    Py_XDECREF(before);
    return 0;
}

/* What the lease has now; -1 with an exception set. */
static int take_parts(Borrower *self)
{
    PyObject *known = NULL;
    Py_CLEAR(self->control);
    int failed = take(&self->workers, self->lease, "_workers") || take(&known, self->lease, "_known") ||
                 take(&self->scripts, known, "scripts") || take(&self->refusals, self->lease, "_refusals") ||
                 take(&self->within, self->lease, "within") || take(&self->running, self->within, "running") ||
                 take(&self->tally, self->lease, "tally") || take(&self->link, self->lease, "_link");
    Py_XDECREF(known);
    long long process = failed ? -1 : number_of(self->lease, &s__process);
    self->process = (unsigned long)process;
    self->listen_after = 0;
    return PyErr_Occurred() ? -1 : 0;
}

/* Whether the daemon has said something, or has gone; -1 with an exception set. */
static int has_news(Borrower *self, double now)
{
    PyObject *control = get(self->link, &s_control);
    if (!control || control == Py_None) {
        Py_XDECREF(control);
        return control ? 1 : -1;
    }
    if (control != self->control) {
        PyObject *before = self->control;
        self->control = Py_NewRef(control);
        Py_XDECREF(before);
        self->descriptor = PyObject_AsFileDescriptor(control);
        PyErr_Clear(); /* one that is closed is news */
        self->listen_after = 0;
    }
    Py_DECREF(control);
    if (now < self->listen_after)
        return 0;
    PyObject *lines = get(self->control, &s__lines);
    Py_ssize_t heard = lines ? PyObject_Size(lines) : -1;
    Py_XDECREF(lines);
    if (heard)
        return heard < 0 ? -1 : 1;
    char byte;
    if (recv(self->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        return 1;
    self->listen_after = now + LISTEN_S;
    return 0;
}

static int compare(PyObject *object, Name *name, PyObject *other, Name *with, int operation)
{
    PyObject *value = get(object, name), *bound = get(other, with);
    int found = value && bound ? PyObject_RichCompareBool(value, bound, operation) : -1;
    Py_XDECREF(value);
    Py_XDECREF(bound);
    return found;
}

/* Whether one attribute is less than another one. */
int is_less(PyObject *object, Name *name, PyObject *other, Name *limit)
{
    return compare(object, name, other, limit, Py_LT);
}

/* Whether object.name[key] is, or equals, what is expected. */
static int has_entry(PyObject *object, Name *name, PyObject *key, PyObject *expected)
{
    PyObject *entries = get(object, name);
    PyObject *found = entries && PyDict_Check(entries) ? PyDict_GetItemWithError(entries, key) : NULL;
    int is_it = found ? PyObject_RichCompareBool(found, expected, Py_EQ) : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(entries);
    return is_it;
}

/* Whether the worker has the build, has run it, and may run more; as Lease._at_once has it. */
static int has_build(const Ready *ready)
{
    PyObject *path = get(ready->generation, &s_path), *id = get(ready->generation, &s_id);
    int has = path && id ? 1 : -1;
    if (has > 0) {
        PyObject *loaded = get(ready->holdings, &s_loaded);
        PyObject *there = loaded && PyDict_Check(loaded) ? PyDict_GetItemWithError(loaded, path) : NULL;
        has = there == ready->generation;
        Py_XDECREF(loaded);
    }
    if (PyErr_Occurred())
        has = -1;
    if (has > 0)
        has = compare(ready->holdings, &s_runtime, ready->generation, &s_runtime, Py_EQ);
    if (has > 0)
        has = has_entry(ready->holdings, &s_ran, path, id);
    if (has > 0)
        has = is_less(ready->holdings, &s_execs, ready->held, &s_most_execs);
    if (has > 0)
        has = is_less(ready->holdings, &s_loads, ready->held, &s_most_loads);
    Py_XDECREF(path);
    Py_XDECREF(id);
    return has;
}

/* The lane of a build in the worker, which has its runtime. */
static int take_lane(Ready *ready)
{
    PyObject *conversation = get(ready->held, &s_conversation), *lanes = NULL, *by_build = NULL;
    PyObject *id = get(ready->generation, &s_id), *key = id ? PyTuple_Pack(2, id, Py_None) : NULL;
    PyObject *found = NULL;
    if (conversation && key && (ready->holdings = get(conversation, &s_holdings)) &&
        (lanes = get(conversation, &s_lanes)) && (by_build = get(lanes, &s_by_build)))
        found = PyDict_Check(by_build) ? PyDict_GetItemWithError(by_build, key) : NULL;
    if (found && Py_TYPE(found) == (PyTypeObject *)lane_type)
        ready->lane = Py_NewRef(found);
    Py_XDECREF(by_build);
    Py_XDECREF(lanes);
    Py_XDECREF(key);
    Py_XDECREF(id);
    Py_XDECREF(conversation);
    return PyErr_Occurred() ? -1 : ready->lane != NULL;
}

/* Whether every file of the script is as it was. */
static int is_current(const Ready *ready)
{
    PyObject *stamps = get(ready->script, &s_stamps);
    PyObject *look = stamps && stamps != Py_None ? get(stamps, &s_at_once) : NULL;
    PyObject *holds = look ? PyObject_CallNoArgs(look) : NULL;
    int is_it = holds ? PyObject_IsTrue(holds) : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(holds);
    Py_XDECREF(look);
    Py_XDECREF(stamps);
    return is_it;
}

/* All that has to be so; 0 when it is not, -1 with an exception set. */
int get_ready(Borrower *self, PyObject *path, double now, Ready *ready)
{
    int is_it = self->link ? is_attribute(self->lease, &s__link, self->link) : 0;
    if (is_it < 0 || (!is_it && take_parts(self)))
        return -1;
    if (self->process != forks || PyList_Size(self->running))
        return 0;
    int news = has_news(self, now);
    if (news)
        return news < 0 ? -1 : 0;
    PyObject *script = PyDict_GetItemWithError(self->scripts, path);
    if (!script)
        return PyErr_Occurred() ? -1 : 0;
    ready->script = Py_NewRef(script);
    ready->held = get(self->workers, &s_current);
    if (!ready->held || ready->held == Py_None)
        return ready->held ? 0 : -1;
    ready->generation = get(script, &s_generation);
    if (!ready->generation)
        return -1;
    const Attribute nothings[] = {{self->tally, &s_slow_s},
                    {self->refusals, &s_until},
                    {ready->held, &s_wanted_back},
                    {ready->held, &s_first},
                    {ready->held, &s_fresh}};
    is_it = are_nothing(nothings, sizeof nothings / sizeof *nothings);
    if (is_it > 0)
        is_it = is_attribute(ready->held, &s_keep, Py_True);
    if (is_it > 0)
        is_it = take_lane(ready);
    if (is_it > 0)
        is_it = has_build(ready);
    return is_it > 0 ? is_current(ready) : is_it;
}

