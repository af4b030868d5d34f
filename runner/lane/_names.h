/* Names of attributes, as objects. */

#ifndef APP_MONO_NAMES_H
#define APP_MONO_NAMES_H

#include "_line.h"

/* Every name that is looked up, made once. */
#define NAMES(X)                                                                                                       \
    X(acquire) X(_after) X(alarm_at) X(all_used) X(always) X(as_json) X(asked) X(at_once) X(begun) X(beyond)           \
    X(by_build) X(can) X(certain) X(channel) X(close) X(code) X(control) X(conversation) X(cpu) X(current)             \
    X(deadline) X(depends_on) X(execs) X(exit_code) X(expand) X(first) X(follow) X(found) X(free) X(fresh)             \
    X(generation) X(has_ended) X(has_ended_routing) X(holdings) X(id) X(is_behind) X(is_certain) X(is_closed)          \
    X(_is_over) X(is_wanted) X(keep) X(ksr) X(lanes) X(_last) X(last_used) X(learn) X(lent_to) X(_lines) X(_link)      \
    X(load_s) X(loaded) X(loads) X(lock) X(locked) X(_logged_share) X(max_jobs) X(max_line_bytes) X(max_loads)         \
    X(max_worker_memory_mib) X(method) X(methods) X(most_execs) X(most_loads) X(move_to_end) X(note) X(path)           \
    X(placement) X(plan) X(pool) X(_process) X(queue) X(queue_s) X(ran) X(reads) X(recent) X(refusal) X(refuse)        \
    X(rejected) X(release) X(released) X(report_after) X(request_id) X(requests) X(rest) X(retire_reason)              \
    X(retired) X(row) X(_row) X(runtime) X(script) X(_script) X(session) X(settings) X(slots) X(slow_s) X(stamps)      \
    X(start_error) X(started_at) X(state) X(statics) X(takes) X(trusted) X(ttl_s) X(unsent) X(until) X(uri)            \
    X(used) X(wanted_back) X(worker) X(writes)
#define DECLARED(name) extern Name s_##name;
NAMES(DECLARED)
#undef DECLARED

#endif
