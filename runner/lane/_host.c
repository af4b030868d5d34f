/*
What runner/hosts/kamailio/host.py does nearly always, without a call of Python: KSR's own functions, looked up once.

Whatever is not usual is asked again of the object itself: nothing that is done here cannot be done twice, but for an
edit, which is made here or there. Must not know lines or workers.
*/

#include "_host.h"

#include "_names.h"

#include <string.h>

/* KSR.module.name, as a new reference. */
static PyObject *function_of(PyObject *ksr, const char *module, const char *name)
{
    PyObject *found = PyObject_GetAttrString(ksr, module);
    PyObject *function = found ? PyObject_GetAttrString(found, name) : NULL;
    Py_XDECREF(found);
    return function;
}

int take_direct(Direct *direct, PyObject *given)
{
    if (!PyArg_ParseTuple(given, "OOOO!n", &direct->type, &direct->ksr, &direct->allowed, &PySet_Type,
                          &direct->harmless, &direct->small)) {
        memset(direct, 0, sizeof *direct);
        return -1;
    }
    Py_INCREF(direct->type);
    Py_INCREF(direct->ksr);
    Py_INCREF(direct->allowed);
    Py_INCREF(direct->harmless);
    (void)((direct->get = function_of(direct->ksr, "pv", "get")) &&
           (direct->sets = function_of(direct->ksr, "pv", "sets")) &&
           (direct->seti = function_of(direct->ksr, "pv", "seti")) &&
           (direct->append = function_of(direct->ksr, "hdr", "append")) &&
           (direct->append_to_reply = function_of(direct->ksr, "hdr", "append_to_reply")) &&
           (direct->remove = function_of(direct->ksr, "hdr", "remove")) &&
           (direct->ask_uri = Py_BuildValue("(s)", "$ru")) && (direct->ask_domain = Py_BuildValue("(s)", "$rd")) &&
           (direct->ask_headers = Py_BuildValue("(s)", "$msg(hdrc)")));
    return PyErr_Occurred() ? -1 : 0;
}

void release_direct(Direct *direct)
{
    PyObject **owned[] = {
        &direct->type, &direct->ksr, &direct->allowed, &direct->get, &direct->sets, &direct->seti, &direct->append,
        &direct->append_to_reply, &direct->remove, &direct->harmless, &direct->ask_uri, &direct->ask_domain,
        &direct->ask_headers,
    };
    for (size_t at = 0; at < sizeof owned / sizeof *owned; at++)
        Py_CLEAR(*owned[at]);
}

PyObject *host_object(Host *host)
{
    if (host->object)
        return host->object;
    const Direct *direct = host->direct;
    host->object = PyObject_CallFunctionObjArgs(direct->type, host->msg, direct->ksr, direct->allowed, NULL);
    if (!host->object) /* whoever needs it next tries again */
        return NULL;
    host->direct = NULL;
    return host->uri && set(host->object, &s_uri, host->uri) ? NULL : host->object;
}

void release_host(Host *host)
{
    Py_CLEAR(host->object);
    Py_CLEAR(host->uri);
}

int know_read(Read *read)
{
    read->arguments = PyTuple_Pack(1, read->name);
    if (!read->arguments)
        return -1;
    read->is_uri = !PyUnicode_CompareWithASCIIString(read->name, "$ru");
    if (read->method && !PyUnicode_CompareWithASCIIString(read->method, "get_s"))
        read->kind = 's';
    else if (read->method && !PyUnicode_CompareWithASCIIString(read->method, "get_i"))
        read->kind = 'i';
    return 0;
}

void know_asked(Asked *asked)
{
    if (!PyUnicode_CompareWithASCIIString(asked->target, "$rU"))
        asked->kind = 'u';
    else if (!PyUnicode_CompareWithASCIIString(asked->call, "HDR.Append") ||
             !PyUnicode_CompareWithASCIIString(asked->call, "HDR.Remove"))
        asked->kind = 'h';
}

void know_edit(Edit *edit)
{
    static const struct {
        const char *method;
        char kind;
    } known[] = {{"set_s", 's'}, {"set_i", 'i'}, {"hdr_append", 'a'}, {"hdr_append_to_reply", 'r'}, {"hdr_remove", 'd'}};
    for (size_t at = 0; at < sizeof known / sizeof *known; at++)
        if (!PyUnicode_CompareWithASCIIString(edit->method, known[at].method))
            edit->kind = known[at].kind;
    Py_ssize_t size = edit->target ? PyUnicode_GetLength(edit->target) : 0;
    edit->is_uri = size > 1 && PyUnicode_ReadChar(edit->target, 0) == '$' &&
                   (PyUnicode_ReadChar(edit->target, 1) == 'r' ||
                    (size > 2 && PyUnicode_ReadChar(edit->target, 1) == '(' && PyUnicode_ReadChar(edit->target, 2) == 'r'));
}

int not_usual(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    return 0;
}

/* Remembers $ru. */
static void keep_uri(Host *host, PyObject *uri)
{
    PyObject *before = host->uri;
    host->uri = uri ? Py_NewRef(uri) : NULL;
    Py_XDECREF(before);
}

/* As Variables.get_s and get_i; 1 with a value, else what `not_usual` gives. */
static int value_at_once(Host *host, const Read *read, PyObject **value)
{
    const Direct *direct = host->direct;
    if (!direct || !read->kind)
        return 0;
    if (PySet_Contains(direct->harmless, read->name) <= 0)
        return not_usual();
    PyObject *found = PyObject_CallObject(direct->get, read->arguments);
    if (!found)
        return not_usual();
    int is_usual = 0;
    if (read->kind == 's') {
        is_usual = PyUnicode_CheckExact(found) || found == Py_None;
        if (read->is_uri && PyUnicode_CheckExact(found))
            keep_uri(host, found);
    }
    else if (PyLong_CheckExact(found)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(found, &overflow);
        is_usual = !overflow && number >= -0x80000000LL && number <= 0x7fffffffLL; /* C# has these */
    }
    if (is_usual)
        *value = found;
    else
        Py_DECREF(found);
    return is_usual;
}

PyObject *host_value(Host *host, const Read *read)
{
    PyObject *value = NULL;
    int found = value_at_once(host, read, &value);
    PyObject *object = found ? NULL : host_object(host);
    if (!object)
        return value;
    if (read->method)
        return PyObject_CallMethodObjArgs(object, read->method, read->name, NULL);
    PyObject *arguments = PyList_New(0);
    Py_ssize_t size = arguments ? PyObject_Size(read->name) : -1;
    if (size == 0 || (size > 0 && !PyList_Append(arguments, read->name)))
        value = PyObject_CallMethodObjArgs(object, s_ksr.text, read->call, arguments, NULL);
    Py_XDECREF(arguments);
    if (!value || value == Py_None || PyUnicode_CheckExact(value) || PyLong_CheckExact(value))
        return value;
    PyObject *number = PyNumber_Long(value); /* a result that is a bool travels as 0 or 1 */
    Py_DECREF(value);
    return number;
}

const char *ascii_of(PyObject *text, Py_ssize_t *size)
{
    const char *utf8 = PyUnicode_CheckExact(text) ? PyUnicode_AsUTF8AndSize(text, size) : NULL;
    PyErr_Clear(); /* it has surrogates */
    return utf8 && *size == PyUnicode_GetLength(text) && !memchr(utf8, 0, (size_t)*size) ? utf8 : NULL;
}

/* As KamailioHost.is_certain for $rU; 2: only the object knows. */
static int has_sip_uri(Host *host)
{
    if (!host->uri) {
        PyObject *uri = PyObject_CallObject(host->direct->get, host->direct->ask_uri);
        if (uri && PyUnicode_CheckExact(uri))
            keep_uri(host, uri);
        Py_XDECREF(uri);
        if (!host->uri)
            return not_usual() ? -1 : 2;
    }
    Py_ssize_t size;
    const char *uri = ascii_of(host->uri, &size);
    if (!uri || size > LONGEST_SURE_URI || (strncmp(uri, "sip:", 4) && strncmp(uri, "sips:", 5)))
        return uri ? 0 : 2;
    PyObject *domain = PyObject_CallObject(host->direct->get, host->direct->ask_domain);
    int has_domain = domain ? PyObject_IsTrue(domain) : -1;
    Py_XDECREF(domain);
    return has_domain >= 0 ? has_domain : not_usual() ? -1 : 2;
}

/* As KamailioHost.is_certain for a header; 2: only the object knows. */
static int has_headers(Host *host)
{
    PyObject *count = PyObject_CallObject(host->direct->get, host->direct->ask_headers);
    int has_some = count != Py_None;
    Py_XDECREF(count);
    return count ? has_some : not_usual() ? -1 : 2;
}

int host_is_certain(Host *host, const Asked *asked)
{
    int known = 2;
    if (host->direct && asked->kind)
        known = asked->kind == 'u' ? has_sip_uri(host) : has_headers(host);
    if (known != 2)
        return known;
    PyObject *object = host_object(host);
    PyObject *is_sure = object ? PyObject_CallMethodObjArgs(object, s_is_certain.text, asked->call, asked->target, NULL) : NULL;
    known = is_sure ? PyObject_IsTrue(is_sure) : -1;
    Py_XDECREF(is_sure);
    return known;
}

/* As Variables.may_rewrite, where the R-URI is far from as long as it must not be. */
static int is_far_from_unsafe(const Host *host, Py_ssize_t size)
{
    return host->uri && 4 * (PyUnicode_GetLength(host->uri) + size) < LONGEST_URI;
}

/* The result of the function of KSR that makes an edit; NULL with an exception set, or without one for the object. */
static PyObject *edited_at_once(Host *host, const Edit *edit, PyObject *value)
{
    const Direct *direct = host->direct;
    if (!direct || !edit->kind)
        return NULL;
    if (edit->target && PySet_Contains(direct->harmless, edit->target) <= 0) {
        PyErr_Clear();
        return NULL;
    }
    if (edit->kind == 'i') {
        keep_uri(host, NULL);
        return PyObject_CallFunctionObjArgs(direct->seti, edit->target, value, NULL);
    }
    Py_ssize_t size;
    if (!ascii_of(value, &size) || size > direct->small)
        return NULL;
    if (edit->kind == 's') {
        if (edit->is_uri && !is_far_from_unsafe(host, size))
            return NULL;
        keep_uri(host, NULL);
        return PyObject_CallFunctionObjArgs(direct->sets, edit->target, value, NULL);
    }
    PyObject *function = edit->kind == 'a' ? direct->append : edit->kind == 'r' ? direct->append_to_reply : direct->remove;
    return PyObject_CallFunctionObjArgs(function, value, NULL);
}

/* Whether it is a failure that no header was removed, as KamailioHost.hdr_remove says; 2: only the object knows. */
static int removes_none(Host *host, PyObject *name)
{
    int found = PyUnicode_GetLength(name) > LONGEST_NAME_BYTES ? 0 : has_headers(host);
    return found < 0 || found == 2 ? found : !found;
}

int host_edit(Host *host, const Edit *edit, PyObject *value)
{
    PyObject *result = edited_at_once(host, edit, value);
    if (result) {
        int is_made = PyObject_IsTrue(result);
        if (is_made > 0 && !edit->target)
            is_made = PyLong_Check(result) && PyLong_AsLong(result) == 1;
        Py_DECREF(result);
        if (is_made < 0 || PyErr_Occurred())
            return -1;
        int is_known = edit->kind == 'd' && !is_made ? removes_none(host, value) : !is_made;
        if (is_known != 2)
            return is_known;
    }
    if (PyErr_Occurred())
        return -1;
    PyObject *object = host_object(host);
    if (!object)
        return -1;
    result = edit->target ? PyObject_CallMethodObjArgs(object, edit->method, edit->target, value, NULL)
                          : PyObject_CallMethodObjArgs(object, edit->method, value, NULL);
    PyObject *zero = result ? PyLong_FromLong(0) : NULL;
    int is_refused = zero ? PyObject_RichCompareBool(result, zero, Py_NE) : -1;
    Py_XDECREF(zero);
    Py_XDECREF(result);
    return is_refused;
}
