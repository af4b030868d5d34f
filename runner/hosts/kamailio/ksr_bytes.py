"""
``KSR.pv`` and ``KSR.hdr`` with all bytes: KEMI's results, also where KSR itself can neither take nor give them.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of core/kemi.c, the same in 5.6.3
and 6.0.1. What must not be asked for, or does not fit into the server, is as though it had no value, or fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.errors import CallRefused

from .texts import is_utf8
from .variables import DONE, SMALL, harmless

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host import KamailioHost

_NULL = "<null>"
_DONE, _FAILED = 1, -1
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Own(NamedTuple):
    """A function of ours in the place of one of KEMI's."""

    parameters: str
    """As ``kemi.Signature``, with ``l`` for a number of 64 bits."""
    call: Callable[..., Any]


def _get(host: KamailioHost, name: str) -> str | int | None:
    asked = _asked(host, name)
    if asked is None:
        return None
    try:
        value: str | int | None = host.pv.get(asked)
    except UnicodeDecodeError:
        return host.get_bytes(asked)
    return host.get_bytes(asked) if value is False else value  # Kamailio 6, for what is not UTF-8


def _get_or(host: KamailioHost, name: str, default: str | int) -> str | int:
    value = _get(host, name)
    return default if value is None else value


def _geti(host: KamailioHost, name: str) -> int:
    asked = _asked(host, name)
    return 0 if asked is None else int(host.pv.geti(asked))


def _getl(host: KamailioHost, name: str) -> int:
    """Since 6.0, as ``setl``."""
    asked, get = _asked(host, name), _since_6(host, "getl")
    return 0 if asked is None else int(get(asked))


def _setl(host: KamailioHost, name: str, value: int) -> bool:
    write = _since_6(host, "setl")
    host.uri = None
    if name not in harmless and not host.asked(name, is_written=True):
        return False
    return is_utf8(name) and bool(write(name, value))


def _since_6(host: KamailioHost, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(host.pv, name, None)
    if found is None:
        raise CallRefused(f"this Kamailio's pv has no function {name}")
    return found


def _is_null(host: KamailioHost, name: str) -> bool:
    asked = _asked(host, name)
    return True if asked is None else bool(host.pv.is_null(asked))


def _asked(host: KamailioHost, name: str) -> str | None:
    asked = name if name in harmless else host.asked(name)
    return asked if asked is not None and is_utf8(asked) else None


def _append(host: KamailioHost, text: str) -> int:
    return _done(host.hdr_append(text))


def _append_to_reply(host: KamailioHost, text: str) -> int:
    return _done(host.hdr_append_to_reply(text))


def _insert(host: KamailioHost, text: str) -> int:
    """Before the first header, unlike ``HDR.Insert``."""
    if len(text) > SMALL and not host.may_write("", text):
        return _FAILED
    return int(host.hdr.insert(text)) if is_utf8(text) else _done(host.add_bytes("insert_hf", text))


def _append_after(host: KamailioHost, text: str, name: str) -> int:
    return _beside(host, "append", text, name)


def _insert_before(host: KamailioHost, text: str, name: str) -> int:
    return _beside(host, "insert", text, name)


def _beside(host: KamailioHost, what: str, text: str, name: str) -> int:
    _check_name(name)
    if len(text) > SMALL and not host.may_write("", text):
        return _FAILED
    if not is_utf8(text):
        return _done(host.add_bytes(f"{what}_hf", text, name))
    function = host.hdr.append_after if what == "append" else host.hdr.insert_before
    return int(function(text, name))


def _remove(host: KamailioHost, name: str) -> int:
    _check_name(name)
    return int(host.hdr.remove(name))


def _rmappend(host: KamailioHost, name: str, text: str) -> int:
    removed = _remove(host, name)
    return removed if removed < 0 else _append(host, text)


def _rminsert(host: KamailioHost, name: str, text: str) -> int:
    removed = _remove(host, name)
    return removed if removed < 0 else _insert(host, text)


def _is_present(host: KamailioHost, name: str) -> int:
    _check_name(name)
    return int(host.hdr.is_present(name))


def _match_content(host: KamailioHost, name: str, operator: str, value: str, index: str) -> bool:
    for text in (name, operator, value, index):
        _check_name(text)
    return bool(host.hdr.match_content(name, operator, value, index))


def _header(host: KamailioHost, name: str, index: int = 0) -> str | None:
    _check_name(name)
    try:
        value = host.hdr.get_idx(name, index) if index else host.hdr.get(name)
    except UnicodeDecodeError:
        value = False
    if value is not False:
        return value  # type: ignore[no-any-return]
    if _PLAIN_NAME.fullmatch(name) is None:
        raise CallRefused(f"the value of {name[:80]!a} is not UTF-8, and it has no plain name to be asked by")
    return host.get_s(f"$(hdr({name})[{index}])")


def _header_or(host: KamailioHost, default: str, name: str, index: int = 0) -> str:
    value = _header(host, name, index)
    return default if value is None else value


def _done(value: int) -> int:
    return _DONE if value == DONE else _FAILED


def _check_name(text: str) -> None:
    if not is_utf8(text):
        raise CallRefused("the name of a header is UTF-8, and so is what a header is compared with")


FUNCTIONS = {
    "hdr.append": Own("s", _append),
    "hdr.append_after": Own("ss", _append_after),
    "hdr.append_to_reply": Own("s", _append_to_reply),
    "hdr.get": Own("s", _header),
    "hdr.get_idx": Own("si", _header),
    "hdr.gete": Own("s", lambda host, name: _header_or(host, "", name)),
    "hdr.gete_idx": Own("si", lambda host, name, index: _header_or(host, "", name, index)),
    "hdr.getw": Own("s", lambda host, name: _header_or(host, _NULL, name)),
    "hdr.getw_idx": Own("si", lambda host, name, index: _header_or(host, _NULL, name, index)),
    "hdr.insert": Own("s", _insert),
    "hdr.insert_before": Own("ss", _insert_before),
    "hdr.is_present": Own("s", _is_present),
    "hdr.match_content": Own("ssss", _match_content),
    "hdr.remove": Own("s", _remove),
    "hdr.rmappend": Own("ss", _rmappend),
    "hdr.rminsert": Own("ss", _rminsert),
    "pv.get": Own("s", _get),
    "pv.gete": Own("s", lambda host, name: _get_or(host, name, "")),
    "pv.geti": Own("s", _geti),
    "pv.getl": Own("s", _getl),
    "pv.getvn": Own("si", _get_or),
    "pv.getvs": Own("ss", _get_or),
    "pv.getw": Own("s", lambda host, name: _get_or(host, name, _NULL)),
    "pv.is_null": Own("s", _is_null),
    "pv.seti": Own("si", lambda host, name, value: host.set_i(name, value) == DONE),
    "pv.setl": Own("sl", _setl),
    "pv.sets": Own("ss", lambda host, name, value: host.set_s(name, value) == DONE),
    "pv.unset": Own("s", lambda host, name: host.unset(name) == DONE),
}
