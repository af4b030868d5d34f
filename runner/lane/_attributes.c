/*
Where objects have their slots.

A look at an attribute costs a search through types, in caches that the turn before has emptied. A class with __slots__
has each of them at one place in all of its objects. The limited API does not tell the place, so it is found once for a
type: an empty object gets a mark there, and is searched for it. What is no slot, or is not found, is left to Python. A
class must not get another attribute in the place of a slot later.
*/

#include "_attributes.h"

/* Where the mark is within an object; 0 for nowhere, or not just once. */
static Py_ssize_t offset_of(PyObject *object, Py_ssize_t size, PyObject *mark)
{
    Py_ssize_t found = 0;
    for (Py_ssize_t at = sizeof(PyObject); at + (Py_ssize_t)sizeof(PyObject *) <= size; at += sizeof(PyObject *)) {
        if (*(PyObject **)((char *)object + at) != mark)
            continue;
        if (found)
            return 0;
        found = at;
    }
    return found;
}

static Py_ssize_t size_of(PyTypeObject *type)
{
    PyObject *size = PyObject_GetAttrString((PyObject *)type, "__basicsize__");
    Py_ssize_t found = size ? PyLong_AsSsize_t(size) : 0;
    Py_XDECREF(size);
    return found;
}

/* The same of a class whose attribute is a slot. */
static Py_ssize_t search(PyTypeObject *type, PyObject *name)
{
    allocfunc new_object = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *object = new_object ? new_object(type, 0) : NULL, *mark = object ? PyDict_New() : NULL;
    Py_ssize_t offset = 0;
    if (mark && !PyObject_GenericSetAttr(object, name, mark)) {
        offset = offset_of(object, size_of(type), mark);
        if (PyObject_GenericSetAttr(object, name, NULL))
            offset = 0;
    }
    Py_XDECREF(mark);
    Py_XDECREF(object);
    return offset;
}

/* Whether a class was written in Python, with this attribute as a slot, and without what would notice an empty object. */
static int has_slot(PyTypeObject *type, PyObject *name)
{
    if (!(PyType_GetFlags(type) & Py_TPFLAGS_HEAPTYPE) || PyType_GetFlags(type) & Py_TPFLAGS_IMMUTABLETYPE ||
        PyType_GetSlot(type, Py_tp_finalize) || PyType_GetSlot(type, Py_tp_getattr) ||
        PyType_GetSlot(type, Py_tp_getattro) != (void *)PyObject_GenericGetAttr)
        return 0;
    PyObject *found = PyObject_GetAttr((PyObject *)type, name);
    int is_slot = found && Py_TYPE(found) == &PyMemberDescr_Type;
    Py_XDECREF(found);
    return is_slot;
}

Py_ssize_t find_place(PyTypeObject *type, Name *name)
{
    int at = 0;
    while (at < MOST_TYPES && name->places[at].type)
        at++;
    if (at == MOST_TYPES)
        return 0;
    PyObject *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    name->places[at].offset = has_slot(type, name->text) ? search(type, name->text) : 0;
    name->places[at].type = (PyTypeObject *)Py_NewRef((PyObject *)type);
    PyErr_Clear();
    PyErr_Restore(kind, error, trace);
    return name->places[at].offset;
}

int is_true(PyObject *object, Name *name)
{
    PyObject *value = get(object, name);
    int found = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return found;
}

int is_nothing(PyObject *object, Name *name)
{
    int found = is_true(object, name);
    return found < 0 ? -1 : !found;
}

int are_nothing(const Attribute *looks, size_t count)
{
    int is_it = 1;
    for (size_t at = 0; is_it > 0 && at < count; at++)
        is_it = is_nothing(looks[at].object, looks[at].name);
    return is_it;
}
