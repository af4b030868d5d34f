"""
Selects of the values in a header, with commas between: ``hf_value.supported``, ``hf_value.accept[2].uri``.

Follows textopsx: textopsx.c (sel_hf_value_name and the functions it calls).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runner.hosts.embedded.pv.select import ANY, ROOT, Names, Selection
from runner.hosts.embedded.value import CannotEvaluate
from runner.sip.header_values import address_in, param_behind, values

from .message import header_to_find
from .nameaddr import NAMEADDR, PARAMS
from .uri import URI

if TYPE_CHECKING:
    from runner.sip.message import Header

_WHITE = b" \t\r\n"
_MOST_NAME = 47  # sel_hf_value_name copies name and colon to 48 bytes
_MOST_BACK = 10  # MAX_HF_VALUE_STACK


class _Wanted(NamedTuple):
    """
    What is wanted of a header.

    Attributes:
        key: The header.
        number: Of the value, from 1; negative from the end; None for all of them.
        param: Name of a parameter behind the value; None for the value itself.
    """

    key: bytes
    number: int | None
    param: bytes | None


def _parse(names: Names) -> _Wanted:
    header = names[1]
    if not isinstance(header, int) and len(header) > _MOST_NAME:
        raise CannotEvaluate("the name of the header is too long")
    key = header_to_find(header)
    number = names[2] if len(names) > 2 and isinstance(names[2], int) else None  # noqa: PLR2004 - hf_value and header
    if number is not None and number < -_MOST_BACK:
        raise CannotEvaluate(f"a number below -{_MOST_BACK}")
    return _Wanted(key, 1 if number == 0 else number, None)


def _parse_with_param(names: Names) -> _Wanted:
    """``hf_value.NAME[n].param.NAME``; without a number the parameter is forgotten, as in Kamailio."""
    param = names[-1]
    if isinstance(param, int):
        raise CannotEvaluate("a parameter has a name")
    return _parse(names)._replace(param=(param[:1] + param[1:].replace(b"_", b"-")) or None)


def _headers(selection: Selection) -> list[Header]:
    """Every such header; none when the headers do not parse."""
    message = selection.access.context.message
    return [] if message.broken_at is not None else message.all_headers(selection.parsed.key)


def _all(selection: Selection) -> list[bytes]:
    return [value for header in _headers(selection) for value in values(header.body)]


def _pick(found: list[bytes], number: int) -> bytes | None:
    """The one of that number; from the end at most ten can be reached."""
    index = number - 1 if number > 0 else number + len(found)
    return found[index] if 0 <= index < len(found) else None


def _joined(found: list[bytes | None]) -> bytes | None:
    """With commas between; those in front of the first that is not empty are left out."""
    at = next((at for at, text in enumerate(found) if text), len(found) - 1)
    return None if not found or found[at] is None else b",".join(text or b"" for text in found[at:])


def _value(selection: Selection) -> bytes | None:
    wanted: _Wanted = selection.parsed
    if wanted.number is None:
        return _joined(list(_all(selection)))
    value = _pick(_all(selection), wanted.number)
    if value is None or wanted.param is None:
        return value
    return param_behind(value[address_in(value).end :], wanted.param)


def _uri(selection: Selection) -> bytes | None:
    """The URI of one value, of all without a number; without its angle brackets."""
    wanted: _Wanted = selection.parsed
    if wanted.number is None:
        return _joined([address_in(value).uri for value in _all(selection)])
    value = _pick(_all(selection), wanted.number)
    return None if value is None else address_in(value).uri


def _name(selection: Selection) -> bytes | None:
    """The display name of one value, the first without a number; without its quotes."""
    value = _pick(_all(selection), selection.parsed.number or 1)
    return None if value is None else address_in(value).name


def _exists(selection: Selection) -> bytes:
    """1 when one of the values is that text, in any case of letters, else 0; an underscore stands for a hyphen."""
    wanted = selection.names[2]
    text = b"" if isinstance(wanted, int) else (wanted[:1] + wanted[1:].replace(b"_", b"-")).lower()
    return b"%d" % (bool(text) and any(value.lower() == text for value in _all(selection)))


def _body(selection: Selection) -> bytes | None:
    """The whole body of the header of that number, the first without one."""
    return _pick([header.body for header in _headers(selection)], selection.parsed.number or 1)


_values = ROOT.add("hf_value").add(ANY, _value, _parse, takes=int, is_optional=True)
_values.add("param p", _value, _parse_with_param, takes=bytes)
_values.add("uri", _uri, _parse).nest(URI)
_values.add("name", _name, _parse)
_values.nest(NAMEADDR, "nameaddr")
_values.nest(PARAMS)
ROOT.add("hf_value_exists", takes=bytes).add(ANY, _exists, _parse)
ROOT.add("hf_value2").add(ANY, _body, _parse, takes=int, is_optional=True).nest(PARAMS)
