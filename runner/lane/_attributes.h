/* Attributes of Python's objects, read and written in place. */

#ifndef APP_MONO_ATTRIBUTES_H
#define APP_MONO_ATTRIBUTES_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define MOST_TYPES 4 /* that have an attribute of one name and are met here */

/* Where the objects of one type have an attribute; 0: it is no slot, so Python is asked. */
typedef struct {
    PyTypeObject *type; /* owned, so no other one gets its address */
    Py_ssize_t offset;
} Place;

/* An attribute's name, and where it was found so far. */
typedef struct {
    PyObject *text;
    Place places[MOST_TYPES];
} Name;

/* The place of a type that is not known yet, where there is room for it; 0 for none. */
Py_ssize_t find_place(PyTypeObject *type, Name *name);

/* The pointer within an object; NULL where Python has to be asked. */
static inline PyObject **slot_of(PyObject *object, Name *name)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_ssize_t offset = -1;
    for (int at = 0; at < MOST_TYPES && offset < 0 && name->places[at].type; at++)
        if (name->places[at].type == type)
            offset = name->places[at].offset;
    if (offset < 0)
        offset = find_place(type, name);
    return offset ? (PyObject **)((char *)object + offset) : NULL;
}

/* As PyObject_GetAttr. */
static inline PyObject *get(PyObject *object, Name *name)
{
    PyObject **slot = slot_of(object, name);
    return slot && *slot ? Py_NewRef(*slot) : PyObject_GetAttr(object, name->text);
}

/* As PyObject_SetAttr of an object whose class has no __setattr__ of its own. */
static inline int set(PyObject *object, Name *name, PyObject *value)
{
    PyObject **slot = slot_of(object, name);
    if (!slot)
        return PyObject_SetAttr(object, name->text, value);
    PyObject *before = *slot;
    *slot = Py_NewRef(value);
    Py_XDECREF(before);
    return 0;
}

/* Whether an attribute is true, or false, empty or None, as Python has it; -1 with an exception set. */
int is_true(PyObject *object, Name *name);
int is_nothing(PyObject *object, Name *name);

typedef struct {
    PyObject *object;
    Name *name;
} Attribute;

/* Whether none of the attributes is true; -1 with an exception set. */
int are_nothing(const Attribute *looks, size_t count);

#endif
