/* Who owns the message: what is asked of it, and done to it. */

#ifndef APP_MONO_HOST_H
#define APP_MONO_HOST_H

#include "_line.h"

#define LONGEST_SURE_URI 512 /* as _LONGEST_URI of runner/hosts/kamailio/host.py */
#define LONGEST_NAME_BYTES 124
#define LONGEST_URI 1024     /* as in runner/hosts/kamailio/guards.py */

/* What Kamailio is asked without a call of Python; the rest is KamailioHost's, in runner/hosts/kamailio/host.py. */
typedef struct {
    PyObject *type, *ksr, *allowed;                              /* KamailioHost and its arguments behind the message */
    PyObject *get, *sets, *seti, *append, *append_to_reply, *remove; /* functions of KSR */
    PyObject *harmless;                                          /* a set: names that may be asked for at once */
    Py_ssize_t small;                                            /* longer values are KamailioHost's */
    PyObject *ask_uri, *ask_domain, *ask_headers;                /* arguments of `get` */
} Direct;

/* -1 with an exception set. `given`: (KamailioHost, KSR, ksr_allow, harmless, SMALL). */
int take_direct(Direct *direct, PyObject *given);
void release_direct(Direct *direct);

typedef struct {
    PyObject *object;     /* owned; NULL while it is not needed */
    const Direct *direct; /* NULL: all is asked of the object */
    PyObject *msg;        /* what the object is made of; borrowed */
    PyObject *uri;        /* owned: $ru as last read; NULL after anything that may have changed it */
} Host;

/* Clears what was raised, and gives 0: Python has to find out; -1 with an exception set that is none of `Exception`. */
int not_usual(void);

/* The object, borrowed, which from then on has all that comes; NULL with an exception set. */
PyObject *host_object(Host *host);
void release_host(Host *host);

typedef struct {
    PyObject *call, *method, *name; /* method: NULL for a function of KEMI, which is `call` */
    PyObject *arguments;            /* (name,) */
    char kind;                      /* of the value: 's' or 'i'; 0: only the object knows */
    int is_uri;
} Read;

typedef struct {
    PyObject *call, *target; /* is_certain takes them */
    long long bit;
    char kind; /* what has to be there: 'u' for a SIP URI, 'h' for headers; 0: only the object knows */
} Asked;

typedef struct {
    PyObject *method, *target; /* target: NULL where the method takes the value alone */
    char kind;                 /* 's', 'i': a variable; 'a', 'r', 'd': append, append to the reply, delete; 0: else */
    int is_uri;
} Edit;

/* Sets `kind`, and what goes with it, from the names; -1 with an exception set. */
int know_read(Read *read);
void know_asked(Asked *asked);
void know_edit(Edit *edit);

/* A text of ASCII without a NUL, borrowed, and its size; NULL, and no exception, for another one. */
const char *ascii_of(PyObject *text, Py_ssize_t *size);

/* What a host gives for one read; NULL with an exception set. */
PyObject *host_value(Host *host, const Read *read);

/* Whether an edit cannot fail now; -1 with an exception set. */
int host_is_certain(Host *host, const Asked *asked);

/* One edit: 0 when it is made, 1 when the host says that it is not, -1 with an exception set. */
int host_edit(Host *host, const Edit *edit, PyObject *value);

#endif
