"""
Replacements in a message with which textops would end the server or hold it up.

Standard library only: it is imported by the Python that Kamailio embeds. The matches are found as Kamailio finds them,
by the same C library, before it is asked.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused
from runner.hosts.expressions import CannotEvaluate, check_places, places, until_separator
from runner.hosts.posix import Regex, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .host import KamailioHost

_MOST_REPLACED = 99  # core/re.c, MAX_REPLACE_WITH is 100, and variables are not counted
_SHORTEST = 3  # core/re.c, subst_parser
_FLAGS = {b"i", b"s", b"g"}


def _substitution(_host: KamailioHost, *texts: str) -> None:
    # core/re.c, parse_repl
    if any(text.count("$") > _MOST_REPLACED for text in texts):
        raise CallRefused(f"there are more than {_MOST_REPLACED} variables in a replacement")


def _substitutes(*, in_body: bool) -> Callable[..., None]:
    def guard(host: KamailioHost, text: str) -> None:
        _substitution(host, text)
        data = _bytes(text)
        if len(data) < _SHORTEST:
            return  # which Kamailio does not take
        expression, flags = until_separator(data), data.rpartition(data[:1])[2]
        if data[:1] in _FLAGS:
            raise CallRefused(f"a substitution does not begin with {text[:1]}, which is a flag")

        def found(whole: bytes) -> Iterator[list[tuple[int, int]]]:
            regex = Regex(expression, ignores_case=b"i" in flags, is_multiline=b"s" not in flags)
            return matches(regex, whole, is_global=b"g" in flags)

        _check(host, found, in_body=in_body)

    return guard


def _replaces(*, is_global: bool, in_body: bool = False, line_by_line: bool = True) -> Callable[..., None]:
    def guard(host: KamailioHost, expression: str, _text: str) -> None:
        def found(whole: bytes) -> Iterator[list[tuple[int, int]]]:
            regex = Regex(_bytes(expression), ignores_case=True, is_multiline=True)
            return matches(regex, whole, is_global=is_global, line_by_line=line_by_line)

        _check(host, found, in_body=in_body)

    return guard


def _replaces_text(*, in_body: bool) -> Callable[..., None]:
    def guard(host: KamailioHost, wanted: str, _text: str, mode: str) -> None:
        def found(whole: bytes) -> Iterator[list[tuple[int, int]]]:
            is_global = mode[:1] not in {"f", "F"}
            return ([place] for place in places(whole, _bytes(wanted), 0, len(whole), is_global=is_global))

        if wanted:
            _check(host, found, in_body=in_body)

    return guard


def _check(host: KamailioHost, found: Callable[[bytes], Iterator[list[tuple[int, int]]]], *, in_body: bool) -> None:
    """Refuse a match that begins in the headers and ends in the body, and too many."""
    data = _bytes(host.get_s("$mb") or "")
    line = re.match(rb"([\r\n]*)[^\n]*\n?", data)
    empty = re.search(rb"\n\r?\n", data)
    body_start = empty.end() if empty else None
    start = 0 if line is None else line.end() - line.end(1)  # as textops.c, get_header, counts it
    start = body_start or len(data) if in_body else start

    with contextlib.suppress(CannotEvaluate):  # Kamailio says no as well
        check_places(((start + match[0][0], start + match[0][1]) for match in found(data[start:])), body_start)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


GUARDS: dict[str, Callable[..., None]] = {
    "textops.replace": _replaces(is_global=False),
    "textops.replace_all": _replaces(is_global=True),
    "textops.replace_body_all": _replaces(is_global=True, in_body=True),
    "textops.replace_body_atonce": _replaces(is_global=True, in_body=True, line_by_line=False),
    "textops.replace_body_str": _replaces_text(in_body=True),
    "textops.replace_str": _replaces_text(in_body=False),
    "textops.subst": _substitutes(in_body=False),
    "textops.subst_body": _substitutes(in_body=True),
    "textops.subst_hf": _substitution,
    "textops.subst_uri": _substitution,
    "textops.subst_user": _substitution,
}
"""As ``ksr_guards.GUARDS``."""
