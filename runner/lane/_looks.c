/* Compares files with their stamps. Must not know what they are for. */

#include "_looks.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
    char *path;
    int is_link; /* look at the link itself */
    long long changed_ns, modified_ns, size;
    unsigned long long inode, device;
} Look;

typedef struct {
    PyObject_HEAD
    Py_ssize_t count;
    Look *looks;
} Looks;

static long long in_ns(struct timespec time)
{
    return (long long)((unsigned long long)time.tv_sec * 1000000000u + (unsigned long long)time.tv_nsec); /* of any year */
}

static int holds(const Look *look)
{
    struct stat now;
    if ((look->is_link ? lstat : stat)(look->path, &now))
        return 0;
    return in_ns(now.st_ctim) == look->changed_ns && in_ns(now.st_mtim) == look->modified_ns &&
           (long long)now.st_size == look->size && now.st_ino == look->inode && now.st_dev == look->device;
}

/* How many files have their stamps, up to the first that has another one or is gone. */
static Py_ssize_t count_holding(Looks *self)
{
    Py_ssize_t number = 0;
    Py_BEGIN_ALLOW_THREADS
    while (number < self->count && holds(&self->looks[number]))
        number++;
    Py_END_ALLOW_THREADS
    return number;
}

static PyObject *looks_holding(Looks *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSsize_t(count_holding(self));
}

/* Whether all of them have. */
static PyObject *looks_hold(Looks *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(count_holding(self) == self->count);
}

/* One of (path as bytes, stamp, is_link). */
static int look_of(PyObject *given, Look *look)
{
    const char *path;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(given, "y#(LLLKK)p", &path, &size, &look->changed_ns, &look->modified_ns, &look->size,
                          &look->inode, &look->device, &look->is_link))
        return -1;
    if (strlen(path) != (size_t)size) {
        PyErr_SetString(PyExc_ValueError, "expected a path without a NUL");
        return -1;
    }
    look->path = PyMem_Malloc((size_t)size + 1);
    if (!look->path) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(look->path, path, (size_t)size + 1);
    return 0;
}

static void looks_dealloc(Looks *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    while (self->count)
        PyMem_Free(self->looks[--self->count].path);
    PyMem_Free(self->looks);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *looks_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named))
{
    PyObject *given;
    if (!PyArg_ParseTuple(args, "O!:Looks", &PyTuple_Type, &given))
        return NULL;
    Looks *self = (Looks *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    Py_ssize_t count = PyTuple_Size(given);
    self->looks = PyMem_Calloc((size_t)count + 1, sizeof(Look));
    if (!self->looks) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    for (; self->count < count; self->count++)
        if (look_of(PyTuple_GetItem(given, self->count), &self->looks[self->count])) {
            Py_DECREF(self);
            return NULL;
        }
    return (PyObject *)self;
}

static PyMethodDef methods[] = {
    {"hold", (PyCFunction)looks_hold, METH_NOARGS, "Whether all files have their stamps."},
    {"holding", (PyCFunction)looks_holding, METH_NOARGS,
     "How many files have their stamps, up to the first that has another one or is gone."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Looks(((path, stamp, is_link), ...)): files with their stamps; paths are bytes."},
    {Py_tp_new, looks_new},
    {Py_tp_dealloc, looks_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    "runner.lane._lane.Looks", sizeof(Looks), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots,
};

int add_looks(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (!type)
        return -1;
    int failed = PyModule_AddObjectRef(module, "Looks", type);
    Py_DECREF(type);
    return failed;
}
