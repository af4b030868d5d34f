/* Bytes to and from a worker. The GIL is released around every call that could wait. Must not know what they mean. */

#include "_turn.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_WAIT_S 60 /* of one poll */

double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void take_turn(Turn *turn)
{
    Py_BEGIN_ALLOW_THREADS
    do
        turn->sent = write(turn->writes, turn->line, (size_t)turn->size);
    while (turn->sent < 0 && errno == EINTR);
    turn->got = turn->sent == turn->size ? read(turn->reads, turn->data, READ_BYTES) : 0;
    if (turn->got < 0 && errno != EAGAIN && errno != EINTR)
        turn->got = 0; /* closed by another thread, which ended the worker */
    Py_END_ALLOW_THREADS
}

int hear(Turn *turn, double deadline)
{
    for (;;) {
        double left_s = deadline - now_s();
        int is_over = left_s <= 0;
        if (!is_over) {
            Py_BEGIN_ALLOW_THREADS
            struct pollfd readable = {turn->reads, POLLIN, 0};
            int ready = poll(&readable, 1, (int)((left_s < LONGEST_WAIT_S ? left_s : LONGEST_WAIT_S) * 1000) + 1);
            if (ready > 0)
                turn->got = read(turn->reads, turn->data, READ_BYTES);
            is_over = turn->got >= 0 || (ready && errno != EAGAIN && errno != EINTR);
            Py_END_ALLOW_THREADS
        }
        if (is_over)
            break;
        if (PyErr_CheckSignals())
            return -1;
    }
    if (turn->got < 0)
        turn->got = 0;
    return 0;
}
