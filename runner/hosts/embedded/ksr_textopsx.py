"""
What module textopsx does with the values in headers, the status line, and the whole message.

Facts: modules/textopsx/textopsx.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import CallRefused
from runner.hosts.posix import matches_wildcards
from runner.sip.header_names import header_type
from runner.sip.header_values import Place, address_in, param_place, places

from . import modf
from .ksr_function import FALSE, TRUE, Function, of_host, with_bytes
from .ksr_headers import headers, remove
from .ksr_textops import compiled, shown
from .value import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.sip.message import Header

    from .context import Context
    from .host import MessageHost
    from .ksr_function import Answer

_MOST_FROM_THE_END = 10  # MAX_HF_VALUE_STACK
_MATCHED = 0  # w_fnmatch_ex
_TRYING, _REDIRECTION, _LAST_CODE = 100, 300, 699
_CLASS = 100
_KEPT = frozenset(
    b"from to call-id cseq via contact content-length content-type route record-route max-forwards".split()
)
_WHITE = rb"[ \t\r\n]*"
_NAMED = re.compile(
    _WHITE + rb"([0-9A-Za-z_-]+)" + _WHITE
    + rb"(?P<in>\[" + _WHITE + rb"(?:(?P<all>\*)|(?P<index>[+-]?[0-9]+))?" + _WHITE + rb"\])?" + _WHITE
    + rb"(?:\." + _WHITE + rb"([0-9A-Za-z_-]+))?"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Named:
    """
    What ``Name[index].parameter`` stands for.

    Attributes:
        name: Of the headers.
        index: Of the value, from 1, or from the end below 0; 0 when none was given.
        has_index: True with brackets.
        is_all: True with ``[*]``.
        param: Of the parameter; empty for none.
    """

    name: bytes
    index: int
    has_index: bool
    is_all: bool
    param: bytes

    def has(self, header: Header) -> bool:
        """Whether it is one of the headers."""
        kind = header_type(self.name)
        return header.name.lower() == self.name.lower() if kind is None else header.type == kind


def _named(text: bytes, *, index: int = 0, may_be_all: bool = False, has_param: bool = False) -> _Named:
    """
    Read it (fixup_hname_param).

    Args:
        text: As the script gives it.
        index: Which value no index means; 0 where none is taken.
        may_be_all: Whether ``[*]`` is taken.
        has_param: Whether a parameter is.

    Raises:
        CannotEvaluate: It is none, or has what is not taken.
    """
    found = _NAMED.fullmatch(text)
    if found is None:
        raise CannotEvaluate(f"{shown(text)} is no Name[index].parameter")
    given = int(found["index"] or b"0")
    is_wrong = (found["in"] is not None and not index) or (found["all"] is not None and not may_be_all)
    if is_wrong or (found[5] is not None and not has_param) or given < -_MOST_FROM_THE_END:
        raise CannotEvaluate(f"{shown(text)} has an index or a parameter that is not taken here")
    return _Named(found[1], given or index, found["in"] is not None, found["all"] is not None, found[5] or b"")


def _values(context: Context, named: _Named) -> Iterator[tuple[Header, Place]]:
    for header in filter(named.has, headers(context)):
        for place in places(header.body):
            yield header, place


def _value(context: Context, named: _Named) -> tuple[Header, Place] | None:
    """find_hf_value_idx."""
    found = list(_values(context, named))
    at = named.index - 1 if named.index > 0 else len(found) + named.index
    return found[at] if 0 <= at < len(found) else None


def _delete(context: Context, header: Header, start: int, end: int) -> None:
    """delete_value_lump: all of the body takes the header along."""
    if (start, end) == (0, len(header.body)):
        remove(context, header)
    else:
        context.edits.replace(header.body_start + start, end - start)


def _delete_value(context: Context, header: Header, place: Place) -> None:
    """With the comma behind it; the last one with that in front."""
    is_last = place.outer_end == len(header.body) and place.outer_start > 0
    _delete(context, header, place.outer_start - is_last, place.outer_end)


def _add_header(context: Context, named: _Named, text: bytes, at: int | None = None) -> int:
    where = context.message.headers_end if at is None else at
    context.edits.insert(where, named.name + b": " + text + b"\r\n")
    return TRUE


def _add_value(context: Context, header: Header, at: int, text: bytes) -> int:
    """insert_value_lump."""
    context.edits.insert(header.body_start + at, b"," + text if at == len(header.body) else text + b",")
    return TRUE


def _wanted(host: MessageHost, text: bytes) -> bytes:
    """What is looked for in a list of values."""
    value = host.printed(text)
    if not text.strip():
        raise CallRefused("an empty value is looked for in no header")
    if not value:
        raise CannotEvaluate("there is no value to look for")
    return value


def _with(context: Context, named: _Named, value: bytes) -> list[tuple[Header, Place]]:
    """The places of that value, without regard to case."""
    found = _values(context, named)
    return [(header, place) for header, place in found if header.body[place.start : place.end].lower() == value.lower()]


def _has(host: MessageHost, text: bytes, value: bytes) -> int:
    named, wanted = _named(text), _wanted(host, value)
    return TRUE if _with(host.context, named, wanted) else FALSE


def _exclude(host: MessageHost, text: bytes, value: bytes) -> int:
    named, wanted = _named(text), _wanted(host, value)
    for header, place in _with(host.context, named, wanted):
        _delete_value(host.context, header, place)
    return TRUE


def _include(host: MessageHost, text: bytes, value: bytes) -> int:
    named, wanted, context = _named(text), _wanted(host, value), host.context
    if _with(context, named, wanted):
        return TRUE
    first = next(filter(named.has, headers(context)), None)
    if first is None:
        return _add_header(context, named, wanted)
    return _add_value(context, first, len(first.body), wanted)


def _append(host: MessageHost, text: bytes, value: bytes) -> int:
    named, new, context = _named(text, index=-1), host.printed(value), host.context
    headers(context)
    found = _value(context, named) if named.has_index else None
    if found is None:
        return _add_header(context, named, new)
    header, place = found
    return _add_value(context, header, place.outer_end, new)


def _insert(host: MessageHost, text: bytes, value: bytes) -> int:
    named, new, context = _named(text, index=1), host.printed(value), host.context
    found = _value(context, named)
    if found is None:
        return _add_header(context, named, new) if named.index == 1 else FALSE
    header, place = found
    if not named.has_index:
        return _add_header(context, named, new, header.start)
    return _add_value(context, header, place.outer_start, new)


def _remove(context: Context, text: bytes) -> int:
    named = _named(text, index=1, may_be_all=True, has_param=True)
    if named.is_all:
        return _change_all(context, named, b"")
    found = _value(context, named)
    if found is None:
        return FALSE
    if named.param:
        return _change_param(context, named, *found, b"")
    _delete_value(context, *found)
    return TRUE


def _assign(host: MessageHost, text: bytes, value: bytes) -> int:
    named, new, context = _named(text, index=1, may_be_all=True, has_param=True), host.printed(value), host.context
    if named.is_all and not named.param:
        raise CannotEvaluate(f"{shown(text)} has [*] without a parameter")
    if named.is_all:
        return _change_all(context, named, new)
    found = _value(context, named)
    if found is None:
        return FALSE
    if named.param:
        return _change_param(context, named, *found, new)
    header, place = found
    context.edits.replace(header.body_start + place.start, place.end - place.start)
    if new:
        context.edits.insert(header.body_start + place.start, new)
    return TRUE


def _change_all(context: Context, named: _Named, new: bytes) -> int:
    answer = FALSE
    if not named.param:
        for header in filter(named.has, headers(context)):
            remove(context, header)
            answer = TRUE
        return answer
    for header, place in _values(context, named):
        if _change_param(context, named, header, place, new) == TRUE:
            answer = TRUE
    return answer


def _change_param(context: Context, named: _Named, header: Header, place: Place, new: bytes) -> int:
    """assign_hf_process_params: without a new value the parameter is removed wherever it is."""
    value = header.body[place.start : place.end]
    start = address_in(value).end
    params, base = value[start:], header.body_start + place.start + start
    found = param_place(params, named.param)
    if found.end is None:
        if not new:
            return FALSE
        context.edits.insert(base + found.start, b";" + named.param + b"=" + new)
        return TRUE
    if new:
        context.edits.replace(base + found.value_start, found.end - found.value_start)
        context.edits.insert(base + found.value_start, b"=" + new)
        return TRUE
    while found.end is not None:
        context.edits.replace(base + found.start, found.end - found.start)
        found = param_place(params, named.param, found.end)
    return TRUE


def _keep(context: Context, pattern: bytes = b"") -> int:
    """keep_hf_helper: removes the headers that no message needs, and is false whatever it did."""
    found = compiled(pattern) if pattern else None
    for header in headers(context):
        is_kept = found is not None and found.match(header.name, 0, is_line_start=True) is not None
        if header.type not in _KEPT and not is_kept:
            remove(context, header)
    return FALSE


def _match_name(_context: Context, text: bytes, pattern: bytes, flags: bytes = b"") -> int:
    is_match = matches_wildcards(text, pattern, ignores_case=flags[:1] in {b"i", b"I"})
    return _MATCHED if is_match else FALSE


def _change_code(host: MessageHost, code: int) -> int:
    """
    ki_change_reply_status_code: the digits are written over, and reads see them.

    Of a request the number of the method stands in the place of the status.
    """
    context = host.context
    line, message = context.message.first_line, context.message
    if not _TRYING <= code <= _LAST_CODE:
        raise CannotEvaluate(f"{code} is no status from {_TRYING} to {_LAST_CODE}")
    before = int(line.status) if line.is_reply else host.get_i("$rmid")
    if min(code, before) < _REDIRECTION and code // _CLASS != before // _CLASS:
        raise CannotEvaluate("the class of a provisional or positive reply cannot be changed")
    if not line.is_reply:
        raise CallRefused("Kamailio would write the status over the R-URI of this request")
    status = b"%d" % code
    at = message.data.index(line.status, line.start + len(line.version))
    data = message.data[:at] + status + message.data[at + len(status) :]
    context.message = replace(message, data=data, first_line=replace(line, status=status))
    return TRUE


def _change_status(host: MessageHost, code: int, reason: bytes) -> int:
    if not reason:
        raise CannotEvaluate("there is no reason")
    if b"\r" in reason or b"\n" in reason:
        raise CallRefused("a reason has one line")
    _change_code(host, code)
    message, line = host.context.message, host.context.message.first_line
    at = message.data.index(line.reason, line.start + len(line.version) + len(b" 200 "))
    host.context.edits.replace(at, len(line.reason), reason)
    return TRUE


def _set_message(context: Context, data: bytes) -> int:
    return modf.rebuild(context, data) if data else FALSE


def _function(parameters: str, call: Callable[..., Answer]) -> Function:
    return Function(parameters, of_host(call))


FUNCTIONS: dict[str, Function] = {
    "textopsx.append_hf_value": _function("ss", _append),
    "textopsx.assign_hf_value": _function("ss", _assign),
    "textopsx.change_reply_status": _function("is", _change_status),
    "textopsx.change_reply_status_code": _function("i", _change_code),
    "textopsx.exclude_hf_value": _function("ss", _exclude),
    "textopsx.fnmatch": Function("ss", with_bytes(_match_name)),
    "textopsx.fnmatch_ex": Function("sss", with_bytes(_match_name)),
    "textopsx.hf_value_exists": _function("ss", _has),
    "textopsx.include_hf_value": _function("ss", _include),
    "textopsx.insert_hf_value": _function("ss", _insert),
    "textopsx.keep_hf": Function("", with_bytes(_keep)),
    "textopsx.keep_hf_re": Function("s", with_bytes(_keep)),
    "textopsx.msg_set_buffer": Function("s", with_bytes(_set_message)),
    "textopsx.remove_hf_value": Function("s", with_bytes(_remove)),
}
"""Of textopsx, all but iterators and what is compared with the values of Authenticate."""
