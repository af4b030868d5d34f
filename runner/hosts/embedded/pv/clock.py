"""Time: ``$Ts``, ``$Tf``, ``$time(...)``, ``$timef(...)``, ``$TV(...)`` (pv_time.c, pv_core.c)."""

from __future__ import annotations

import time

from runner.hosts.embedded.value import NULL, Value

from .registry import Access, Reader, one_of, register

_FIELDS = ("sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst")
_MICROSECONDS = 1_000_000
_LONGEST = 63  # pv_time.c, PV_STRFTIME_BUF_SIZE, less the NUL


def _part(part: str, now: time.struct_time) -> int:
    """pv_time.c, pv_get_local_time: months from 1, Sunday is 1, days of the year from 1."""
    match part:
        case "year":
            return now.tm_year
        case "mon":
            return now.tm_mon
        case "wday":
            return (now.tm_wday + 1) % 7 + 1
    return int(getattr(now, f"tm_{part}"))


def _local(access: Access) -> Value:
    return Value.integer(_part(access.name, time.localtime()))


def _utc(access: Access) -> Value:
    return Value.integer(_part(access.name, time.gmtime()))


def _any(text: bytes) -> bytes:
    """A format as written: a variable in it is text (pv_time.c, pv_parse_strftime_name)."""
    return text


def _formatted(*, is_utc: bool) -> Reader:
    def read(access: Access) -> Value:
        now = time.gmtime() if is_utc else time.localtime()
        text = time.strftime(access.name.decode("utf-8", "surrogateescape"), now).encode("utf-8", "surrogateescape")
        return Value(text) if 0 < len(text) <= _LONGEST else NULL

    return read


def _ctime(_: Access) -> Value:
    return Value(time.ctime().encode())


def _seconds(_: Access) -> Value:
    return Value.integer(int(time.time()))


def _timeval(access: Access) -> Value:
    now = time.time()
    seconds, micros = int(now), int(now * _MICROSECONDS) % _MICROSECONDS
    process = access.context.process
    match access.name:
        case "s":
            return Value.integer(seconds)
        case "u":
            return Value.integer(micros)
        case "sn":
            process.micros = micros
            return Value.integer(seconds)
        case "un":
            return Value.integer(process.micros)
        case "Sm":
            return Value(b"%d" % time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW))
        case "Fn":
            return Value(b"%s.%06d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)).encode(), micros))
        case _:
            return Value(b"%d.%06d" % (seconds, micros))


register("Ts TS Tb", "Seconds since 1970.", "pv: pv_core.c, pv_get_times", _seconds)
register("Tf TF", "Date and time as text.", "pv: pv_core.c, pv_get_timef", _ctime)
register("time", "Field of the local time.", "pv: pv_time.c, pv_get_local_time", _local, parse_name=one_of(*_FIELDS))
register("utime", "Field of the time in UTC.", "pv: pv_time.c, pv_get_utc_time", _utc, parse_name=one_of(*_FIELDS))
_SOURCE = "pv: pv_time.c, pv_get_strftime"
register("timef", "Local time, by strftime.", _SOURCE, _formatted(is_utc=False), parse_name=_any)
register("utimef", "Time in UTC, by strftime.", _SOURCE, _formatted(is_utc=True), parse_name=_any)
register(
    "TV",
    "Time with microseconds.",
    "pv: pv_time.c, pv_get_timeval",
    _timeval,
    parse_name=one_of("s", "u", "sn", "un", "Sn", "Fn", "Sm"),
    later_names=("Sm",),
)
