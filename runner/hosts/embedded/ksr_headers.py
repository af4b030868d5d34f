"""
What module textops does with headers: whether one is there, what is in it, to take it out.

Facts: modules/textops/textops.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.sip.header_names import header_type, leading_name

from .ksr_function import FALSE, TRUE, Function, of_host, with_bytes
from .ksr_textops import Region, compiled, shown, substitute, substitution
from .value import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.posix import Regex
    from runner.sip.message import Header

    from .context import Context
    from .host import MessageHost

    Test = Callable[[Header], bool]

_NONE_REMOVED, _NO_SUCH_INDEX = -2, 2
_LONGEST_NAME = 252  # ki_hname_gparam
_LONGEST_REMOVED = 124  # core/kemi.c, SR_KEMI_HNAME_SIZE less 4
_NAME = re.compile(rb"([0-9A-Za-z._+~-]+)[ \t]*:")


def headers(context: Context) -> tuple[Header, ...]:
    """
    Every header.

    Raises:
        CannotEvaluate: One cannot be parsed.
    """
    if context.message.broken_at is not None:
        raise CannotEvaluate("a header cannot be parsed")
    return context.message.headers


def _of_name(name: bytes, longest: int) -> Test:
    """
    The headers that a name with a colon behind it means (core/parser/parse_hname2.c, parse_hname2_short).

    Raises:
        CannotEvaluate: It is no name of a header, or too long.
    """
    found = _NAME.match(name + b":")
    if found is None or len(name) > longest:
        raise CannotEvaluate(f"{shown(name)} is no name of a header")
    return _of_type_or_name(header_type(found[1]), name)


def _of_leading_name(name: bytes) -> Test:
    """The headers that the characters at the start of a text mean (parse_hname2_str); raises as ``_of_name``."""
    leading = leading_name(name)
    if not leading:
        raise CannotEvaluate(f"{shown(name)} is no name of a header")
    return _of_type_or_name(header_type(leading), name)


def _of_type_or_name(kind: bytes | None, name: bytes) -> Test:
    if kind is not None:
        return lambda header: header.type == kind
    return lambda header: header.name.lower() == name.lower()


def remove(context: Context, header: Header) -> None:
    """Take a header out."""
    context.edits.replace(header.start, header.end - header.start)


def _is_present(context: Context, name: bytes) -> int:
    is_wanted = _of_name(name, _LONGEST_NAME)
    return TRUE if any(map(is_wanted, headers(context))) else FALSE


def _matching(context: Context, pattern: bytes) -> list[Header]:
    """The headers whose name the expression matches."""
    found = compiled(pattern)
    return [header for header in headers(context) if found.match(header.name, 0, is_line_start=True) is not None]


def _remove_named(context: Context, name: bytes) -> int:
    """core/kemi.c, sr_kemi_hdr_remove: true also when there is none."""
    is_wanted = _of_name(name, _LONGEST_REMOVED)
    for header in filter(is_wanted, headers(context)):
        remove(context, header)
    return TRUE


def _remove_matching(context: Context, pattern: bytes, but: bytes | None = None) -> int:
    kept = {header.start for header in _matching(context, but)} if but is not None else set()
    found = [header for header in _matching(context, pattern) if header.start not in kept]
    for header in found:
        remove(context, header)
    return TRUE if found else FALSE


def _remove_at(context: Context, name: bytes, index: int) -> int:
    """ki_remove_hf_idx: a negative index counts from the end; one before the first is no error."""
    found = list(filter(_of_leading_name(name), headers(context)))
    at = index if index >= 0 else len(found) + index
    if at >= len(found):
        return _NO_SUCH_INDEX
    if at >= 0:
        remove(context, found[at])
    return TRUE


def _holds(header: Header, text: bytes) -> bool:
    # core/ut.h, str_search compares the first byte of an empty text too, which is a NUL.
    return (text or b"\0") in header.body


def _remove_by_value(context: Context, name: bytes, operator: bytes, text: bytes) -> int:
    all_headers, is_wanted = headers(context), _of_leading_name(name)
    found = compiled(text) if operator.lower() == b"re" else None
    tests: dict[bytes, Test] = {
        b"eq": lambda header: header.body == text,
        b"ne": lambda header: header.body != text,
        b"in": lambda header: _holds(header, text),
        b"re": lambda header: found is not None and _match(found, header) is not None,
    }
    test = tests.get(operator.lower())
    if test is None:
        raise CannotEvaluate(f"{shown(operator)} is none of eq, ne, in and re")
    removed = [header for header in all_headers if is_wanted(header) and test(header)]
    for header in removed:
        remove(context, header)
    return TRUE if removed else _NONE_REMOVED


def _match(pattern: Regex, header: Header) -> list[tuple[int, int]] | None:
    return pattern.match(header.body.partition(b"\0")[0], 0, is_line_start=True)


def _chosen(context: Context, name: bytes, which: bytes) -> list[Header]:
    """The headers of that name: ``f`` for the first, ``l`` for the last, anything else for all."""
    found = list(filter(_of_name(name, _LONGEST_NAME), headers(context)))
    return {b"f": found[:1], b"l": found[-1:]}.get(which[:1], found)


def _search(context: Context, name: bytes, pattern: bytes, which: bytes) -> int:
    if not pattern:
        return FALSE
    found = compiled(pattern)
    return TRUE if any(_match(found, header) is not None for header in _chosen(context, name, which)) else FALSE


def _substitute(host: MessageHost, name: bytes, text: bytes, which: bytes) -> int:
    subst, is_done = substitution(host, text), False
    for header in _chosen(host.context, name, which):
        try:
            is_done |= substitute(host, subst, Region(header.body_start, header.body))
        except CannotEvaluate:  # the others are looked at all the same
            continue
    return TRUE if is_done else FALSE


FUNCTIONS: dict[str, Function] = {
    "textops.is_present_hf": Function("s", with_bytes(_is_present)),
    "textops.is_present_hf_re": Function(
        "s", with_bytes(lambda context, pattern: TRUE if _matching(context, pattern) else FALSE)
    ),
    "textops.remove_hf": Function("s", with_bytes(_remove_named)),
    "textops.remove_hf_exp": Function("ss", with_bytes(_remove_matching)),
    "textops.remove_hf_idx": Function("si", with_bytes(_remove_at)),
    "textops.remove_hf_match": Function("sss", with_bytes(_remove_by_value)),
    "textops.remove_hf_re": Function("s", with_bytes(_remove_matching)),
    "textops.search_hf": Function("sss", with_bytes(_search)),
    "textops.subst_hf": Function("sss", of_host(_substitute)),
}
"""Of textops, what looks at headers."""
