/* Writes and reads the line of the common turn. Must not know descriptors or hosts. */

#include "_line.h"

#include <string.h>

static const char BEGINNING[] = "{\"jsonrpc\":\"2.0\",\"id\":";
static const char RESULT[] = ",\"result\":{\"code\":";
static const char USED[] = ",\"used\":";
static const char EDITS[] = ",\"edits\":[";
static const char END[] = "]}}\n";
static const char EXITED[] = "],\"exited\":true}}\n";

#define MOST_DIGITS 18 /* every such number is a long long */

Found put(Out *out, const char *text, Py_ssize_t size)
{
    if (out->end - out->next < size)
        return NOT_PLAIN;
    memcpy(out->next, text, size);
    out->next += size;
    return PLAIN;
}

Found put_number(Out *out, long long number)
{
    char digits[20], *end = digits + sizeof digits, *first = end;
    unsigned long long left = number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
    do
        *--first = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0)
        *--first = '-';
    return put(out, first, end - first);
}

static Found put_unit(Out *out, unsigned unit)
{
    static const char hex[] = "0123456789abcdef";
    char escaped[6] = {'\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    return put(out, escaped, sizeof escaped);
}

/* One character above 0x7f of well-formed UTF-8 (lone surrogates among them); gives where the next one begins. */
static const unsigned char *decoded(const unsigned char *at, unsigned *point)
{
    if (*at < 0xe0) {
        *point = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
        return at + 2;
    }
    if (*at < 0xf0) {
        *point = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        return at + 3;
    }
    *point = (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
    return at + 4;
}

static Found put_escaped(Out *out, const unsigned char *at, Py_ssize_t size)
{
    static const char shorts[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";
    const unsigned char *end = at + size;
    Found found = PUT(out, "\"");
    while (at < end && found == PLAIN) {
        const unsigned char *from = at;
        while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
            at++;
        if (at > from) {
            found = put(out, (const char *)from, at - from);
            continue;
        }
        unsigned point = *at;
        const char *is_short = point ? strchr(shorts, (int)point) : NULL;
        if (is_short) {
            char escaped[2] = {'\\', letters[is_short - shorts]};
            found = put(out, escaped, sizeof escaped);
            at++;
            continue;
        }
        if (point <= 0x7f)
            at++;
        else
            at = decoded(at, &point);
        if (point > 0xffff) {
            point -= 0x10000;
            found = put_unit(out, 0xd800 | point >> 10);
            if (found == PLAIN)
                found = put_unit(out, 0xdc00 | (point & 0x3ff));
        }
        else
            found = put_unit(out, point);
    }
    return found == PLAIN ? PUT(out, "\"") : found;
}

Found put_text(Out *out, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8)
        return put_escaped(out, (const unsigned char *)utf8, size);
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return RAISED;
    PyErr_Clear(); /* it has lone surrogates */
    PyObject *passed = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (!passed)
        return RAISED;
    char *bytes;
    Found found = RAISED;
    if (!PyBytes_AsStringAndSize(passed, &bytes, &size))
        found = put_escaped(out, (const unsigned char *)bytes, size);
    Py_DECREF(passed);
    return found;
}

int takes_of(PyObject *types, Takes *takes)
{
    Py_ssize_t count = PyTuple_Size(types);
    if (count < 0)
        return -1;
    if (count > MOST_OF_PLAN) {
        PyErr_Format(PyExc_ValueError, "expected at most %d edits in a plan, got %zd", MOST_OF_PLAN, count);
        return -1;
    }
    takes->count = (int)count;
    for (int number = 0; number < takes->count; number++) {
        PyObject *type = PyTuple_GetItem(types, number);
        takes->kinds[number] = type == (PyObject *)&PyUnicode_Type ? 's' : type == (PyObject *)&PyLong_Type ? 'i' : 0;
    }
    return 0;
}

/* What is left of an answer to be read. */
typedef struct {
    const char *next, *end;
} In;

static int takes_literal(In *in, const char *literal, Py_ssize_t size)
{
    if (in->end - in->next < size || memcmp(in->next, literal, size))
        return 0;
    in->next += size;
    return 1;
}
#define TAKES(in, literal) takes_literal(in, literal, sizeof(literal) - 1)

/* A number as JSON has it, without a fraction; 0 for none. What follows it is for the caller to look at. */
static int takes_number(In *in, long long *number)
{
    const char *at = in->next;
    int is_negative = at < in->end && *at == '-';
    at += is_negative;
    const char *first = at;
    long long value = 0;
    while (at < in->end && *at >= '0' && *at <= '9' && at - first < MOST_DIGITS)
        value = value * 10 + (*at++ - '0');
    if (at == first || (*first == '0' && at > first + 1) || at == in->end || (*at >= '0' && *at <= '9'))
        return 0;
    in->next = at;
    *number = is_negative ? -value : value;
    return 1;
}

static int hex_unit(const char *at, unsigned *unit)
{
    *unit = 0;
    for (int digit = 0; digit < 4; digit++) {
        unsigned char c = (unsigned char)at[digit];
        unsigned value = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 16;
        if (value > 15)
            return 0;
        *unit = *unit << 4 | value;
    }
    return 1;
}

static char *put_point(char *out, unsigned point)
{
    if (point < 0x80)
        *out++ = (char)point;
    else if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    else if (point < 0x10000) {
        *out++ = (char)(0xe0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    else {
        *out++ = (char)(0xf0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    return out;
}

/* Unescapes until the closing quote; gives the end of what it wrote, NULL for what is no text of JSON. */
static char *unescaped(In *in, char *out)
{
    static const char letters[] = "\"\\/nrtbf", meant[] = "\"\\/\n\r\t\b\f";
    while (in->next < in->end) {
        unsigned char c = (unsigned char)*in->next++;
        if (c == '"')
            return out;
        if (c < ' ' || c > 0x7f)
            return NULL;
        if (c != '\\') {
            *out++ = (char)c;
            continue;
        }
        if (in->next == in->end)
            return NULL;
        c = (unsigned char)*in->next++;
        if (c != 'u') {
            const char *found = c ? strchr(letters, c) : NULL;
            if (!found)
                return NULL;
            *out++ = meant[found - letters];
            continue;
        }
        unsigned point, low;
        if (in->end - in->next < 4 || !hex_unit(in->next, &point))
            return NULL;
        in->next += 4;
        if (point >= 0xd800 && point < 0xdc00 && in->end - in->next >= 6 && in->next[0] == '\\' && in->next[1] == 'u' &&
            hex_unit(in->next + 2, &low) && low >= 0xdc00 && low < 0xe000) {
            in->next += 6;
            point = 0x10000 + ((point - 0xd800) << 10 | (low - 0xdc00));
        }
        out = put_point(out, point);
    }
    return NULL;
}

/* A text behind its opening quote; NULL without an exception for what is none. */
static PyObject *read_text(In *in)
{
    const char *at = in->next;
    while (at < in->end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
        at++;
    if (at < in->end && *at == '"') { /* nothing in it is escaped */
        PyObject *text = PyUnicode_FromStringAndSize(in->next, at - in->next);
        in->next = at + 1;
        return text;
    }
    char *room = PyMem_Malloc((size_t)(in->end - in->next) + 1); /* no text becomes longer */
    if (!room)
        return PyErr_NoMemory();
    char *end = unescaped(in, room);
    PyObject *text = end ? PyUnicode_DecodeUTF8(room, end - room, "surrogatepass") : NULL;
    PyMem_Free(room);
    return text;
}

/* [number,value]; its value is owned by the answer. */
static Found read_edit(In *in, long long certain, const Takes *takes, Answer *answer)
{
    long long edit, number;
    if (answer->count == MOST_EDITS || !TAKES(in, "[") || !takes_number(in, &edit) || !TAKES(in, ","))
        return NOT_PLAIN;
    if (edit < 0 || edit >= takes->count || !(certain >> edit & 1))
        return NOT_PLAIN;
    PyObject *value = NULL;
    if (takes->kinds[edit] == 's' && TAKES(in, "\""))
        value = read_text(in);
    else if (takes->kinds[edit] == 'i' && takes_number(in, &number))
        value = PyLong_FromLongLong(number);
    if (!value)
        return PyErr_Occurred() ? RAISED : NOT_PLAIN;
    answer->numbers[answer->count] = (int)edit;
    answer->values[answer->count++] = value;
    return TAKES(in, "]") ? PLAIN : NOT_PLAIN;
}

Found read_answer(const char *data, Py_ssize_t size, long long number, long long certain, const Takes *takes,
                  Answer *answer)
{
    In in = {data, data + size};
    long long id;
    answer->count = 0;
    if (!TAKES(&in, BEGINNING) || !takes_number(&in, &id) || id != number || !TAKES(&in, RESULT) ||
        !takes_number(&in, &answer->code) || !TAKES(&in, USED) || !takes_number(&in, &answer->used) ||
        answer->used < 0 || !TAKES(&in, EDITS))
        return NOT_PLAIN;
    Found found = PLAIN;
    if (in.next < in.end && *in.next == '[')
        do
            found = read_edit(&in, certain, takes, answer);
        while (found == PLAIN && TAKES(&in, ","));
    if (found == PLAIN) {
        answer->has_ended_routing = TAKES(&in, EXITED);
        if (!answer->has_ended_routing && !TAKES(&in, END))
            found = NOT_PLAIN;
        else if (in.next != in.end)
            found = NOT_PLAIN;
    }
    if (found != PLAIN)
        release_answer(answer);
    return found;
}

void release_answer(Answer *answer)
{
    while (answer->count)
        Py_DECREF(answer->values[--answer->count]);
}
