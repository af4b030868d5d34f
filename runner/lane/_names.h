/* Names of attributes, as objects. */

#ifndef APP_MONO_NAMES_H
#define APP_MONO_NAMES_H

#include "_line.h"

/* Every name that is looked up, made once. */
#define NAMES(X)                                                                                                       \
    X(_after) X(all_used) X(always) X(as_json) X(asked) X(at_once) X(begun) X(by_build) X(can) X(certain)              \
    X(channel) X(close) X(code) X(control) X(conversation) X(cpu) X(current) X(deadline) X(depends_on) X(execs)        \
    X(first) X(follow) X(free) X(fresh) X(generation) X(has_ended_routing) X(holdings) X(id) X(is_certain)             \
    X(_is_over) X(is_wanted) X(keep) X(ksr) X(lanes) X(last_used) X(learn) X(_lines) X(_link) X(load_s)                \
    X(loaded) X(loads) X(_logged_share) X(long_s) X(max_line_bytes) X(method) X(methods) X(most_execs)                 \
    X(most_loads) X(note) X(path) X(placement) X(plan) X(_process) X(queue_s) X(ran) X(reads) X(refusal)               \
    X(refuse) X(report_after) X(request_id) X(requests) X(rest) X(retire_reason) X(_row) X(runtime) X(_script)         \
    X(session) X(slow_s) X(stamps) X(state) X(takes) X(unsent) X(until) X(uri) X(used) X(wanted_back) X(writes)
#define DECLARED(name) extern PyObject *s_##name;
NAMES(DECLARED)
#undef DECLARED

#endif
