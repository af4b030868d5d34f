"""The server and its configuration: version, server id, defines, environment, return code, colours (core/pv_core.c)."""

from __future__ import annotations

import os
import re
from uuid import uuid4

from runner.hosts.embedded.context import RELEASES
from runner.hosts.embedded.value import NOWHERE, NULL, CannotEvaluate, Value
from runner.sip.scan import INT_MAX, number_of

from .registry import Access, Reader, one_of, register
from .settings import SETTINGS

_NUMBERS = {"5.6": 5006003, "6.0": 6000001}
_CONSTANTS = {
    "IPv4": 2,
    "IP4": 2,
    "INET": 2,
    "IPv6": 10,
    "IP6": 10,
    "INET6": 10,
    "UDP": 1,
    "TCP": 2,
    "TLS": 3,
    "SCTP": 4,
    "WS": 5,
    "WSS": 6,
}


def _define(access: Access) -> Value:
    text = access.context.environment.defines.get(access.name)
    return NULL if text is None else Value(text.encode()) if text else NOWHERE


def _define_or_zero(access: Access) -> Value:
    text = access.context.environment.defines.get(access.name)
    return Value.integer(0) if text is None else _with_number(text)


def _with_number(text: str) -> Value:
    """The text with the number it begins with."""
    return Value.integer_text(text.encode(), leading_number(text.encode()))


_NUMBER = re.compile(rb"([+-]?)([0-9]*)")


def leading_number(text: bytes) -> int:
    """core/ut.h, str2sint, without a look at whether it failed: what the text begins with, cut to 32 bits, else 0."""
    found = _NUMBER.match(text)
    sign, digits = (b"", b"0") if found is None else found.groups()
    number = number_of(digits, INT_MAX)
    return -number if sign == b"-" else min(number, INT_MAX)


def _variable(access: Access) -> Value:
    text = access.context.environment.variables.get(access.name)
    return NULL if text is None else Value(text.encode())


def _variable_with_number(access: Access) -> Value:
    text = access.context.environment.variables.get(access.name)
    return NULL if text is None else _with_number(text)


def _name(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _version(access: Access) -> Value:
    version = RELEASES[access.context.environment.kamailio]
    match access.name:
        case "num":
            return Value(version)
        case "full":
            return Value(b"kamailio %b (x86_64/linux) " % version)
        case _:
            return Value(b"")


def _ksr(access: Access) -> Value:
    kamailio = access.context.environment.kamailio
    return Value(RELEASES[kamailio]) if access.name == "ver" else Value.integer(_NUMBERS[kamailio])


def _group_and_name(text: bytes) -> tuple[bytes, bytes]:
    group, dot, name = text.rpartition(b".")
    if not dot or not group or not name:
        raise CannotEvaluate(f"expected group.name, not {text!r}")
    return group, name


def _setting(access: Access) -> Value:
    group, name = access.name
    text = SETTINGS.get(group, {}).get(name)
    if text is None:
        return NULL
    return Value.integer(int(text)) if _INTEGER.fullmatch(text) else Value(text)


def _write_setting(access: Access, value: Value) -> None:
    """Taken where Kamailio knows the setting and could make its number of the text, but nothing changes here."""
    group, name = access.name
    if value.is_null:
        return
    known = SETTINGS.get(group, {})
    is_number = _INTEGER.fullmatch(known.get(name) or b"0") is not None
    if name not in known or (not value.is_integer and is_number and not _INTEGER.fullmatch(value.text or b"")):
        raise CannotEvaluate(f"no such setting, or no number for it: {group!r}.{name!r}")


_INTEGER = re.compile(rb"[+-]?[0-9]{1,10}")


def _parse_task_part(text: bytes) -> bytes:
    """corex_mod.c, pv_parse_atkv_name: by its length; another name of three to five bytes stands for the type."""
    if 3 <= len(text) <= 5:  # noqa: PLR2004 - of those names
        return text
    raise CannotEvaluate("key, val, type or gname")


def _null(_: Access) -> Value:
    return NULL


def _any(text: bytes) -> bytes:
    return text


_SOURCE = "core: pv_core.c, pv_get_retcode"
register(
    "? rc retcode",
    "Return code of the last function.",
    _SOURCE,
    lambda access: Value.integer(access.context.return_code),
)
register("def", "Text of a #!define; null when not defined.", "core: pv_core.c, pv_get_def", _define, parse_name=_name)
register(
    "defn",
    "Value of a #!define; 0 when not defined.",
    "core: pv_core.c, pv_get_defn",
    _define_or_zero,
    parse_name=_name,
)
register("env", "Environment variable; null when unset.", "core: pv_core.c, pv_get_env", _variable, parse_name=_name)
register(
    "envn",
    "Environment variable and the number it begins with; null when unset.",
    "core: pv_core.c, pv_get_envn",
    _variable_with_number,
    parse_name=_name,
)
register(
    "version",
    "Version of Kamailio this host answers for: num, full, hash.",
    "pv: pv.c, pv_get_sr_version",
    _version,
    parse_name=one_of("num", "full", "hash"),
)
register("ksr", "The same: ver, verval.", "pv: pv_core.c, pv_get_ksr_attrs", _ksr, parse_name=one_of("ver", "verval"))
register(
    "K",
    "Kamailio's number of a transport or address family.",
    "pv: pv_core.c, pv_get_K",
    lambda access: Value.integer(_CONSTANTS[access.name]),
    parse_name=one_of(*_CONSTANTS),
    later_names=("IP4", "IP6"),
)
register("true", "1, as a number.", "pv: pv_core.c, pv_get_true", lambda _: Value.integer_text(b"1", 1))
register(
    "atkv",
    "Key, value, type or group of an asynchronous task; none runs here, null.",
    "corex: corex_mod.c, pv_get_atkv",
    _null,
    parse_name=_parse_task_part,
    since="6.0",
)
register("null", "Always null.", "core: pvapi.c, pv_get_null", _null)
register(
    "sid",
    "Server id.",
    "pv: pv_core.c, pv_get_server_id",
    lambda access: Value.integer(access.context.environment.server_id),
)
register(
    "sruid",
    "A text unlike any other of this server.",
    "kex: kex_mod.c, pv_get_sruid_val",
    lambda _: Value(b"srid-" + uuid4().hex.encode()),
)
register("pp", "Process id.", "pv: pv_core.c, pv_get_pid", lambda _: Value.integer(os.getpid()))
register("mi", "Number of the message in this process.", "pv: pv_core.c, pv_get_msgid", lambda _: Value.integer(1))
register(
    "ccp",
    "A setting of a module that can change at run time.",
    "pv: pv_core.c, pv_get_ccp_attrs",
    _setting,
    _write_setting,
    parse_name=_group_and_name,
)
register("stat", "A statistic; none is kept here.", "pv: pv_stats.c, pv_get_stat", _null, parse_name=_any)
register(
    "err.class err.level err.info err.rcode err.rreason",
    "Error of the parser; always null.",
    "pv: pv_core.c, pv_get_errinfo_attr",
    _null,
)


_COLOURS = {letter: number for number, letter in enumerate(b"srgybpcw")} | {b"x"[0]: 9}


def _parse_colour(text: bytes) -> bytes:
    """xlog: xlog.c, pv_parse_color_name: foreground and background, x for the default; capitals are bold."""
    letters = text[:1].lower() + text[1:]
    if len(text) != 2 or text[:1] == b"X" or not set(letters) <= set(_COLOURS):  # noqa: PLR2004 - two letters
        raise CannotEvaluate("expected two colour letters")
    return b"\x1b[%d;3%d;4%dm" % (text[:1].isupper(), _COLOURS[letters[0]], _COLOURS[letters[1]])


register(
    "C",
    "Terminal colours: foreground and background, two letters of srgybpcwx. Empty in a Kamailio that logs to syslog.",
    "xlog: xlog.c, pv_get_color",
    lambda access: Value(access.name),
    parse_name=_parse_colour,
)


def _constant(text: bytes) -> Reader:
    value = Value(text)
    return lambda _: value


_CHARACTERS = {"n": b"\n", "r": b"\r", "s": b" ", "t": b"\t", "c": b",", "q": b'"', "k": b"'", "i": b":", "j": b";"}
for _letter, _character in (_CHARACTERS | {"b": b"\\", "v": b"`"}).items():
    register(
        f"E{_letter}",
        f"The character {_character.decode()!r}.",
        "pv: pv_core.c, pv_get_escstr",
        _constant(_character),
        since="6.0",
    )
