"""
What modules textops and siputils tell of texts alone.

Facts: modules/textops/textops.c, modules/siputils/checks.c and sipops.c, core/strutils.c, core/parser/parse_privacy.c;
the same in 5.6.3 and 6.0.1 but for what is since 6.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.sip.header_names import header_type, leading_name
from runner.sip.params import parse_params
from runner.sip.scan import BLANKS

from .ksr_function import FALSE, TRUE, Function, with_bytes
from .value import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.sip.params import Param
    from runner.sip.uri import Uri

    from .context import Context
    from .ksr_function import Answer

_GREATER, _LESS = -1, -2
_NOT_NUMERIC, _NOT_ALPHANUMERIC = -2, -3
_DIGITS = re.compile(rb"[0-9]+")
_TEL_NUMBER = re.compile(rb"[0-9]+|\+[1-9][0-9]*")
_ALPHANUMERIC = re.compile(rb"[0-9A-Za-z]*")
_SIP_PORT = 5060

_ONE_PRIVACY = rb"(critical|header|history|id|none|session|user)(?=[\0; \t\r\n]|\Z)[ \t\r\n]*"
_PRIVACY = re.compile(rb"(?i)[ \t\r\n]*" + _ONE_PRIVACY + rb"(?:;[ \t\r\n]*" + _ONE_PRIVACY + rb")*")
_PRIVACY_NAME = re.compile(rb"[a-z]+")


def _ordered(one: bytes, other: bytes) -> int:
    """What the sign of a C comparison becomes: 1 for the same, -1 for greater, -2 for less."""
    return TRUE if one == other else _GREATER if one > other else _LESS


def _compare(_context: Context, one: bytes, other: bytes) -> int:
    return _ordered(one, other)


def _compare_ignoring_case(_context: Context, one: bytes, other: bytes) -> int:
    return _ordered(one.lower(), other.lower())


def _starts_with(_context: Context, text: bytes, start: bytes) -> int:
    return FALSE if len(start) > len(text) else _ordered(text[: len(start)], start)


def _ends_with(_context: Context, text: bytes, end: bytes) -> int:
    return FALSE if len(end) > len(text) else _ordered(text[len(text) - len(end) :], end)


def _find(_context: Context, text: bytes, wanted: bytes) -> int:
    """Counted from 1. An empty text is found behind the end: core/ut.h, str_search compares its NUL as well."""
    at = text.find(wanted) if wanted else len(text)
    return at + 1 if at >= 0 else FALSE


def _find_ignoring_case(_context: Context, text: bytes, wanted: bytes) -> int:
    at = text.lower().find(wanted.lower())
    return at + 1 if at >= 0 else FALSE


def _has_any(_context: Context, text: bytes, wanted: bytes) -> int:
    return TRUE if set(text) & set(wanted) else FALSE


def _listed(text: bytes, separator: bytes) -> list[bytes]:
    return [item.strip(BLANKS) for item in text.split(separator[:1])]


def _is_in_list(_context: Context, wanted: bytes, text: bytes, separator: bytes) -> int:
    return TRUE if wanted and separator and wanted in _listed(text, separator) else FALSE


def _has_prefix_in_list(_context: Context, subject: bytes, text: bytes, separator: bytes) -> int:
    if not separator:
        return FALSE
    return TRUE if any(item and subject.startswith(item) for item in _listed(text, separator)) else FALSE


def _is_privacy(context: Context, wanted: bytes) -> int:
    """ki_is_privacy: the header counts only when all of its values are known, and ``none`` is alone."""
    header = context.header(b"privacy")
    found = None if header is None else _PRIVACY.fullmatch(header.body)
    if found is None:
        return FALSE
    names = set(_PRIVACY_NAME.findall(found.group().lower()))
    if b"none" in names and len(names) > 1:
        raise CannotEvaluate("no other value of Privacy goes with none")
    return TRUE if wanted.lower() in names else FALSE


def _is_numeric(_context: Context, text: bytes) -> int:
    return TRUE if _DIGITS.fullmatch(text) else _NOT_NUMERIC


def _is_tel_number(_context: Context, text: bytes) -> int:
    return TRUE if _TEL_NUMBER.fullmatch(text) else _NOT_NUMERIC


def _is_alphanumeric(_context: Context, text: bytes, also: bytes = b"") -> int:
    if not text:
        return _NOT_NUMERIC
    return TRUE if _ALPHANUMERIC.fullmatch(text.translate(None, also)) else _NOT_ALPHANUMERIC


def _is_uri(context: Context, text: bytes) -> int:
    return TRUE if text and context.uri(text) is not None else FALSE


def _compare_header_names(_context: Context, one: bytes, other: bytes) -> int:
    """cmp_hdrname_str: a name of a known type is never like one of no type, whatever stands behind it."""
    one, other = one.rstrip(BLANKS), other.rstrip(BLANKS)
    names = leading_name(one), leading_name(other)
    if not all(names):
        return _LESS
    types = [header_type(name) for name in names]
    if any(types):
        return TRUE if types[0] == types[1] else _GREATER
    return _ordered(one.lower(), other.lower())


def _compares(are_alike: Callable[[Uri, Uri], bool]) -> Callable[..., Answer]:
    def compare(context: Context, one: bytes, other: bytes) -> int:
        first, second = context.uri(one), context.uri(other)
        if first is None or second is None:
            return _LESS
        try:
            return TRUE if are_alike(first, second) else _GREATER
        except CannotEvaluate:
            return _LESS

    return compare


def _are_same_aor(one: Uri, other: Uri) -> bool:
    """core/strutils.c, cmp_aor: without a port it is 5060."""
    if (one.port or b"") != (other.port or b""):
        if not one.port and other.port_number != _SIP_PORT:
            return False
        if not other.port and one.port_number != _SIP_PORT:
            return False
    return one.user == other.user and one.host.lower() == other.host.lower()


_COUNTED = (b"user", b"ttl", b"method", b"maddr")


def _are_same_uri(one: Uri, other: Uri) -> bool:
    """core/strutils.c, cmp_uri_mode: of parameters that both have the values count."""
    parts = [(uri.scheme, uri.user, uri.port or b"", uri.password or b"", uri.host.lower()) for uri in (one, other)]
    if parts[0] != parts[1]:
        return False
    if not one.params or not other.params:
        full = other if not one.params else one
        return not full.params or not any(full.param(name).text for name in _COUNTED)
    first, second = _params(one.params), _params(other.params)
    return all(
        param.body.lower() == same.body.lower()
        for param in first
        for same in second
        if param.name.lower() == same.name.lower()
    )


def _params(text: bytes) -> tuple[Param, ...]:
    found = parse_params(text)
    if found is None:
        raise CannotEvaluate("the parameters do not parse")
    return found


FUNCTIONS: dict[str, Function] = {
    "siputils.cmp_aor": Function("ss", with_bytes(_compares(_are_same_aor))),
    "siputils.cmp_hdr_name": Function("ss", with_bytes(_compare_header_names)),
    "siputils.cmp_uri": Function("ss", with_bytes(_compares(_are_same_uri))),
    "siputils.is_alphanum": Function("s", with_bytes(_is_alphanumeric)),
    "siputils.is_alphanumex": Function("ss", with_bytes(_is_alphanumeric)),
    "siputils.is_numeric": Function("s", with_bytes(_is_numeric)),
    "siputils.is_tel_number": Function("s", with_bytes(_is_tel_number)),
    "siputils.is_uri": Function("s", with_bytes(_is_uri)),
    "textops.cmp_istr": Function("ss", with_bytes(_compare_ignoring_case)),
    "textops.cmp_str": Function("ss", with_bytes(_compare)),
    "textops.ends_with": Function("ss", with_bytes(_ends_with)),
    "textops.in_list": Function("sss", with_bytes(_is_in_list)),
    "textops.in_list_prefix": Function("sss", with_bytes(_has_prefix_in_list)),
    "textops.is_privacy": Function("s", with_bytes(_is_privacy)),
    "textops.starts_with": Function("ss", with_bytes(_starts_with)),
    "textops.str_any_in": Function("ss", with_bytes(_has_any), since_6=True),
    "textops.str_find": Function("ss", with_bytes(_find)),
    "textops.str_ifind": Function("ss", with_bytes(_find_ignoring_case)),
}
"""Of both modules, what tells of texts."""
