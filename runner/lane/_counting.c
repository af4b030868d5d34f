/* Places in a row of counts. Must not know whose row it is. */

#include "_counting.h"

int take_counting(Counting *counting, PyObject *given)
{
    PyObject *bounds;
    if (!PyArg_ParseTuple(given, "nnnnnnnnnO!", &counting->size, &counting->is_true, &counting->is_false, &counting->exit,
                          &counting->first_bucket, &counting->time, &counting->queue, &counting->load,
                          &counting->edits, &PyTuple_Type, &bounds))
        return -1;
    Py_ssize_t count = PyTuple_Size(bounds);
    counting->bounds = count > MOST_BOUNDS ? MOST_BOUNDS : (int)count;
    for (int at = 0; at < counting->bounds; at++)
        counting->bounds_ns[at] = PyLong_AsLongLong(PyTuple_GetItem(bounds, at));
    const Py_ssize_t places[] = {counting->is_true, counting->is_false, counting->exit, counting->time, counting->queue, counting->load,
                                 counting->edits,   counting->first_bucket, counting->first_bucket + count};
    int is_right = count <= MOST_BOUNDS;
    for (size_t at = 0; at < sizeof places / sizeof *places; at++)
        is_right = is_right && places[at] >= 0 && places[at] < counting->size;
    if (!is_right)
        PyErr_SetString(PyExc_ValueError, "expected places within a row");
    return PyErr_Occurred() ? -1 : 0;
}

Py_ssize_t result_of(const Counting *counting, int has_ended_routing, long long code)
{
    return has_ended_routing ? counting->exit : code ? counting->is_false : counting->is_true;
}

Py_ssize_t bucket_of(const Counting *counting, long long spent_ns)
{
    int bucket = 0;
    while (bucket < counting->bounds && counting->bounds_ns[bucket] < spent_ns)
        bucket++;
    return counting->first_bucket + bucket;
}

/* row[place] += more; -1 with an exception set. */
static int add_to(PyObject *row, Py_ssize_t place, long long more)
{
    PyObject *before = PyList_GetItem(row, place), *number = before && more ? PyLong_FromLongLong(more) : NULL;
    PyObject *now = number ? PyNumber_Add(before, number) : NULL;
    Py_XDECREF(number);
    if (now)
        return PyList_SetItem(row, place, now);
    return PyErr_Occurred() ? -1 : 0;
}

int count_in(PyObject *row, const Counting *counting, int has_ended_routing, long long code, long long edits,
             const long long *spent_ns)
{
    return add_to(row, result_of(counting, has_ended_routing, code), 1) || add_to(row, counting->edits, edits) ||
                   add_to(row, bucket_of(counting, spent_ns[0]), 1) || add_to(row, counting->time, spent_ns[0]) ||
                   add_to(row, counting->queue, spent_ns[1]) || add_to(row, counting->load, spent_ns[2])
               ? -1
               : 0;
}
