/* The line of the common turn: what runner/wire/common_turn.py describes, in C. */

#ifndef APP_MONO_LINE_H
#define APP_MONO_LINE_H

#include "_attributes.h"

/* Reads or edits of one plan; runner/scripts/foresight.py has no more. Each is a bit of a long long. */
#define MOST_OF_PLAN 32
/* Edits of a plain answer; more are made with looks at the clock. */
#define MOST_EDITS 16

/* What a function made of a text, a line or an exec. */
typedef enum {
    PLAIN,
    NOT_PLAIN, /* left to Python; no exception is set */
    RAISED     /* an exception is set */
} Found;

/* A line that is being written. */
typedef struct {
    char *next, *end;
} Out;

Found put(Out *out, const char *text, Py_ssize_t size);
#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)
Found put_number(Out *out, long long number);

/* A text as JSON, as json.encoder.encode_basestring_ascii writes it, but DEL escaped as well. */
Found put_text(Out *out, PyObject *text);

/* The types of value that the edits of a plan take, by their number. */
typedef struct {
    int count;
    char kinds[MOST_OF_PLAN]; /* 's' for str, 'i' for int, 0 for another one */
} Takes;

/* Sets an exception and gives -1 for what is no tuple of types, or is too long. */
int takes_of(PyObject *types, Takes *takes);

/* The result of an exec. */
typedef struct {
    long long code, used;
    int has_ended_routing;
    int count;
    int numbers[MOST_EDITS];
    PyObject *values[MOST_EDITS]; /* owned */
} Answer;

/* Reads the whole answer to the exec with this number. `answer` holds references only after PLAIN. */
Found read_answer(const char *data, Py_ssize_t size, long long number, long long certain, const Takes *takes,
                  Answer *answer);
void release_answer(Answer *answer);

#endif
