/* One turn on the wire. */

#ifndef APP_MONO_TURN_H
#define APP_MONO_TURN_H

#include "_line.h"

#define READ_BYTES 16384 /* of an answer; the rest of a longer one is left to Session.receive */

typedef struct {
    int writes, reads; /* descriptors of pipes that do not block */
    const char *line;
    Py_ssize_t size, sent; /* sent: -1 for nothing, because the wire takes none */
    char *data;
    Py_ssize_t got; /* -1: nothing yet; 0: the end of the stream, or nothing until the deadline */
} Turn;

/* Seconds on the clock of time.monotonic. */
double now_s(void);

/* One write, and one read of what is there by then. */
void take_turn(Turn *turn);

/* Waits for an answer until the deadline; -1 with an exception set when the handler of a signal raised. */
int hear(Turn *turn, double deadline);

#endif
