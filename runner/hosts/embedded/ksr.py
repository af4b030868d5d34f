"""
The functions of KEMI that this host answers as Kamailio does; any other needs a running Kamailio.

They are those that read or edit the message, its variables and flags, and what ``ModF`` has. Facts: core/kemi.c,
modules/kemix/kemix_mod.c, modules/sl/sl.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused, ConfigError
from runner.reviewed import refusal
from runner.sip.scan import wrap

from . import (
    ksr_body,
    ksr_cfgutils,
    ksr_core,
    ksr_corex,
    ksr_headers,
    ksr_htable,
    ksr_kx,
    ksr_maxfwd,
    ksr_pvx,
    ksr_rr,
    ksr_sanity,
    ksr_siputils,
    ksr_sl,
    ksr_strings,
    ksr_textops,
    ksr_textopsx,
    modf,
)
from .ksr_function import FALSE as _FALSE
from .ksr_function import TRUE as _TRUE
from .ksr_function import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .host import MessageHost
    from .ksr_function import Answer, Call

_NULL = "<null>"
_LEVELS = {"crit": -2, "err": -1, "warn": 0, "notice": 1, "info": 2, "dbg": 3}
_X_LEVELS = _LEVELS | {"alert": -5}
_ERROR = -1
_PLAIN_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_MOST_FLAG = 31
_LEAST_INT, _MOST_INT = -0x80000000, 0x7FFFFFFF
_SCRIPT_FLAGS, _FLAGS = "$sf", "$mf"
_METHODS = (
    "ACK BYE CANCEL DELETE GET INFO INVITE KDMQ MESSAGE NOTIFY OPTIONS POST PRACK PUBLISH PUT REFER REGISTER SUBSCRIBE "
    "UPDATE"
)
_LETTERS = {
    "A": "ACK", "B": "BYE", "C": "CANCEL", "D": "DELETE", "E": "PRACK", "F": "REFER", "G": "GET", "I": "INVITE",
    "K": "KDMQ", "M": "MESSAGE", "N": "NOTIFY", "O": "OPTIONS", "P": "PUBLISH", "R": "REGISTER", "S": "SUBSCRIBE",
    "T": "POST", "U": "UPDATE", "V": "PUT",
}  # fmt: skip


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "sw": lambda value, wanted: value.startswith(wanted),
    "in": lambda value, wanted: wanted in value,
}


def call(function: str, arguments: Sequence[str | int | bool], host: MessageHost) -> Answer:
    """
    Call a function on the message of this host.

    Raises:
        CallRefused: It needs a running Kamailio, or is refused there, too, or other arguments; the text is a sentence.
    """
    found = FUNCTIONS.get(function)
    if found is None or (found.since_6 and not host.context.environment.is_6):
        raise CallRefused(refusal(function) or _needs_kamailio(function))
    kinds = "".join("s" if type(argument) is str else "i" for argument in arguments)
    if kinds != found.parameters:
        takes = ", ".join({"i": "a number", "s": "a text"}[kind] for kind in found.parameters)
        raise CallRefused(f"KSR.{function} takes {takes or 'no argument'}")
    for number, argument in enumerate(arguments, 1):
        if type(argument) is str and "\0" in argument:
            raise CallRefused(f"argument {number} of KSR.{function} has a NUL, which Kamailio cannot take")
        if type(argument) is not str and not _LEAST_INT <= int(argument) <= _MOST_INT:
            raise CallRefused(f"argument {number} of KSR.{function} does not fit into 32 bits")
    return found.call(host, *arguments)


def _needs_kamailio(function: str) -> str:
    return (
        f"KSR.{function} needs a running Kamailio: app-mono exec --in-kamailio; "
        f"or say what it gives here: --answer {function}=VALUE"
    )


def _get(host: MessageHost, name: str) -> str | int | None:
    value = host.value(name)
    if value is None or value.is_null:
        return None
    if value.is_integer and value.number is not None:
        return wrap(value.number)
    return host.get_s(name)


def _get_or(default: str) -> Call:
    def get(host: MessageHost, name: str) -> str | int:
        value = _get(host, name)
        return default if value is None else value

    return get


def _get_default(host: MessageHost, name: str, default: str | int) -> str | int:
    value = _get(host, name)
    return default if value is None else value


def _geti(host: MessageHost, name: str) -> int:
    value = host.value(name)
    if value is None or value.is_null:
        return 0
    if value.number:
        return wrap(value.number)
    text = (value.text or b"").decode("latin-1")
    return int(text) if _NUMBER.fullmatch(text) else 0


def _is_null(host: MessageHost, name: str) -> bool:
    value = host.value(name)
    return value is None or value.is_null


def _header(host: MessageHost, name: str, index: int = 0) -> str | None:
    return host.get_s(f"$(hdr({_plain(name)})[{index}])")


def _header_or(default: str) -> Call:
    def get(host: MessageHost, name: str, index: int = 0) -> str:
        value = _header(host, name, index)
        return default if value is None else value

    return get


def _plain(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) is None:
        raise CallRefused(f"{name[:80]!a} is no plain name of a header, which needs a running Kamailio")
    return name


def _remove(host: MessageHost, name: str) -> int:
    return _done(host.hdr_remove(_plain(name)))


def _then(remove: Call, add: Callable[[MessageHost, str], int]) -> Call:
    def both(host: MessageHost, name: str, text: str) -> Answer:
        removed = remove(host, name)
        return removed if removed != _TRUE else _done(add(host, text))

    return both


def _match(host: MessageHost, name: str, operator: str, wanted: str, which: str) -> bool:
    values, at = [], 0
    while (value := _header(host, name, at)) is not None:
        values.append(value.strip(" \t\r\n").lower())
        at += 1
    test = _COMPARISONS.get(operator.lower())
    if test is None or which[:1].lower() not in {"f", "l", "a", "o"} or not values:
        return False
    found = [test(value, wanted.lower()) for value in values]
    return {"f": found[0], "l": found[-1], "a": all(found), "o": any(found)}[which[0].lower()]


def _logs(level: int) -> Call:
    return lambda host, text: host.log(level, text)


def _log(host: MessageHost, level: str, text: str) -> None:
    host.log(_LEVELS.get(level.lower(), _ERROR), text)


def _prints(level: int) -> Call:
    def xlog(host: MessageHost, text: str) -> int:
        try:
            host.log(level, host.expand(text))
        except ConfigError as error:
            host.log(_ERROR, str(error))
        return _TRUE

    return xlog


def _is_method(name: str) -> Call:
    return lambda host: _method(host) == name


def _method(host: MessageHost) -> str:
    """core/parser/parse_methods.c, parse_method_name: without regard to case."""
    return host.context.message.method.decode("latin-1").upper()


def _is_method_in(host: MessageHost, letters: str) -> bool:
    method = _method(host)
    return any(_LETTERS.get(letter) == method for letter in letters.upper())


def _is_protocol(name: str) -> Call:
    return lambda host: str(_get(host, "$pr")).upper() == name


def _flag(name: str, change: Callable[[int, int], int]) -> Call:
    def write(host: MessageHost, flag: int) -> bool:
        if not 0 <= flag <= _MOST_FLAG:
            return False
        flags = change(host.get_i(name) & 0xFFFFFFFF, 1 << flag)
        return host.set_i(name, flags - ((flags & 0x80000000) << 1)) == 0

    return write


def _has_flag(name: str) -> Call:
    return lambda host, flag: 0 <= flag <= _MOST_FLAG and bool(host.get_i(name) >> flag & 1)


def _variable(name: str, default: str | None = None) -> Call:
    def get(host: MessageHost) -> str | int | None:
        value = _get(host, name)
        return default if value is None else value

    return get


def _writes(name: str) -> Call:
    return lambda host, value: host.set_s(name, value) == 0


def _acts(name: str) -> Call:
    """As ``_writes``, by an action of the configuration."""

    def write(host: MessageHost, value: str) -> bool:
        host.context.begin_action()
        return host.set_s(name, value) == 0

    return write


def _drop(host: MessageHost) -> None:
    host.is_dropped = True


def _runs(name: str, functions: dict[str, modf.ModuleFunction], *, is_bool: bool = False) -> Call:
    def run(host: MessageHost) -> Answer:
        value = functions[name](host.context)
        if value is None:
            raise CallRefused(f"KSR needs a running Kamailio for {name} on this message")
        return value > 0 if is_bool else value

    return run


def _done(value: int) -> int:
    return _TRUE if value == 0 else _FALSE


def _of_modf() -> dict[str, Function]:
    places = {
        "corex": "append_branch is_faked_msg",
        "pvx": "sbranch_append sbranch_reset sbranch_set_ruri",
        "rr": "loose_route loose_route_preloaded record_route remove_record_route",
        "sdpops": "sdp_content sdp_with_ice",
        "siputils": ("decode_contact decode_contact_header has_totag is_first_hop is_gruu is_reply is_request"),
        "textops": "has_body is_audio_on_hold",
        "textopsx": "msg_apply_changes remove_body",
        "tm": "t_check_trans t_release t_retransmit_reply t_save_lumps",
        "tmx": "t_is_reply_route t_is_request_route t_precheck_trans",
    }
    found = {
        f"{module}.{name}": Function("", _runs(name, modf.FUNCTIONS))
        for module, names in places.items()
        for name in names.split()
    }
    found |= {
        f"siputils.{name}": Function("", _runs(name, modf.SINCE_6), since_6=True)
        for name in ("is_http", "is_sip", "sip_parse_headers")
    }
    return found | {
        "isdsturiset": Function("", _runs("isdsturiset", modf.FUNCTIONS, is_bool=True)),
        "resetdsturi": Function("", _runs("resetdsturi", modf.FUNCTIONS, is_bool=True)),
        "rr.next_hop_route": Function("", _runs("rr_next_hop_route", modf.FUNCTIONS)),
        "textops.set_body_multipart_mode": Function("", _runs("set_body_multipart", modf.FUNCTIONS)),
    }


_OF_KX = {
    "furi": "$fu", "method": "$rm", "rcvip": "$Ri", "rcvport": "$Rp", "ruri": "$ru",
    "srcip": "$si", "srcport": "$sp", "turi": "$tu",
}  # fmt: skip
_OF_KX_IN_THREE_FORMS = {
    "duri": "$du", "fhost": "$fd", "fuser": "$fU", "rhost": "$rd", "ruser": "$rU", "thost": "$td", "tuser": "$tU",
    "ua": "$ua",
}  # fmt: skip

FUNCTIONS: dict[str, Function] = {
    "pv.get": Function("s", _get),
    "pv.gete": Function("s", _get_or("")),
    "pv.geti": Function("s", _geti),
    "pv.getvn": Function("si", _get_default),
    "pv.getvs": Function("ss", _get_default),
    "pv.getw": Function("s", _get_or(_NULL)),
    "pv.is_null": Function("s", _is_null),
    "pv.seti": Function("si", lambda host, name, value: host.set_i(name, value) == 0),
    "pv.sets": Function("ss", lambda host, name, value: host.set_s(name, value) == 0),
    "pv.unset": Function("s", lambda host, name: host.unset(name) == 0),
    "hdr.append": Function("s", lambda host, text: _done(host.hdr_append(text))),
    "hdr.append_after": Function("ss", lambda host, text, name: _done(host.hdr_append_after(text, _plain(name)))),
    "hdr.append_to_reply": Function("s", lambda host, text: _done(host.hdr_append_to_reply(text))),
    "hdr.get": Function("s", _header),
    "hdr.get_idx": Function("si", _header),
    "hdr.gete": Function("s", _header_or("")),
    "hdr.gete_idx": Function("si", _header_or("")),
    "hdr.getw": Function("s", _header_or(_NULL)),
    "hdr.getw_idx": Function("si", _header_or(_NULL)),
    "hdr.insert": Function("s", lambda host, text: _done(host.hdr_insert_before(text))),
    "hdr.insert_before": Function("ss", lambda host, text, name: _done(host.hdr_insert_before(text, _plain(name)))),
    "hdr.is_present": Function("s", lambda host, name: _FALSE if _header(host, name) is None else _TRUE),
    "hdr.match_content": Function("ssss", _match),
    "hdr.remove": Function("s", _remove),
    "hdr.rmappend": Function("ss", _then(_remove, lambda host, text: host.hdr_append(text))),
    "hdr.rminsert": Function("ss", _then(_remove, lambda host, text: host.hdr_insert_before(text))),
    **{name: Function("s", _logs(level)) for name, level in _LEVELS.items()},
    "log": Function("ss", _log),
    **{f"xlog.x{name}": Function("s", _prints(level)) for name, level in _X_LEVELS.items()},
    **{f"is_{name}": Function("", _is_method(name)) for name in _METHODS.split()},
    **{f"is_{name}": Function("", _is_protocol(name)) for name in ("UDP", "TCP", "TLS", "SCTP", "WS", "WSS")},
    "is_method_in": Function("s", _is_method_in),
    "is_src_port": Function("i", lambda host, port: _get(host, "$sp") == port),
    "is_dst_port": Function("i", lambda host, port: _get(host, "$Rp") == port),
    **{f"set{kind}flag": Function("i", _flag(name, lambda flags, bit: flags | bit))
       for kind, name in (("", _FLAGS), ("s", _SCRIPT_FLAGS))},
    **{f"reset{kind}flag": Function("i", _flag(name, lambda flags, bit: flags & ~bit))
       for kind, name in (("", _FLAGS), ("s", _SCRIPT_FLAGS))},
    **{f"is{kind}flagset": Function("i", _has_flag(name)) for kind, name in (("", _FLAGS), ("s", _SCRIPT_FLAGS))},
    **{f"kx.get_{name}": Function("", _variable(variable)) for name, variable in _OF_KX.items()},
    **{f"kx.get{form}_{name}": Function("", _variable(variable, default))
       for name, variable in _OF_KX_IN_THREE_FORMS.items()
       for form, default in (("", None), ("e", ""), ("w", _NULL))},
    "seturi": Function("s", _writes("$ru")),
    "setuser": Function("s", _acts("$rU")),
    "sethost": Function("s", _acts("$rd")),
    "setdsturi": Function("s", _writes("$du")),
    "set_drop": Function("", _drop),
    **_of_modf(),
    **ksr_core.FUNCTIONS,
    **ksr_rr.FUNCTIONS,
    **ksr_maxfwd.FUNCTIONS,
    **ksr_sanity.FUNCTIONS,
    **ksr_sl.FUNCTIONS,
    **ksr_htable.FUNCTIONS,
    **ksr_cfgutils.FUNCTIONS,
    **ksr_corex.FUNCTIONS,
    **ksr_body.FUNCTIONS,
    **ksr_headers.FUNCTIONS,
    **ksr_kx.FUNCTIONS,
    **ksr_pvx.FUNCTIONS,
    **ksr_siputils.FUNCTIONS,
    **ksr_strings.FUNCTIONS,
    **ksr_textops.FUNCTIONS,
    **ksr_textopsx.FUNCTIONS,
}  # fmt: skip
"""Every function offered."""
