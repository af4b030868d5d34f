"""
Replacements in a message with which textops would end the server: an edit that begins in the headers and ends in the
body, with another one in the body.

Standard library only: it is imported by the Python that Kamailio embeds. The matches are found as Kamailio finds them,
by the same C library, before it is asked.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused
from runner.hosts.expressions import CannotEvaluate, check_sides, places, until_separator
from runner.hosts.posix import Regex, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .host import KamailioHost

_MOST_REPLACED = 99  # core/re.c, MAX_REPLACE_WITH is 100, and variables are not counted
_SHORTEST = 3  # core/re.c, subst_parser
_FLAGS = {b"i", b"s", b"g"}


def _substitution(_host: KamailioHost, *texts: str) -> None:
    # core/re.c, parse_repl
    if any(text.count("$") > _MOST_REPLACED for text in texts):
        raise CallRefused(f"there are more than {_MOST_REPLACED} variables in a replacement")


def _substitution_in_all(host: KamailioHost, text: str) -> None:
    _substitution(host, text)
    data = _bytes(text)
    if len(data) < _SHORTEST:
        return  # which Kamailio does not take
    expression, flags = until_separator(data), data.rpartition(data[:1])[2]
    if data[:1] in _FLAGS:
        raise CallRefused(f"a substitution does not begin with {text[:1]}, which is a flag")
    _one_side(host, lambda whole: matches(
        Regex(expression, ignores_case=b"i" in flags, is_multiline=b"s" not in flags), whole, is_global=b"g" in flags
    ))  # fmt: skip


def _replacement(*, is_global: bool) -> Callable[..., None]:
    def guard(host: KamailioHost, expression: str, _text: str) -> None:
        pattern = _bytes(expression)
        _one_side(host, lambda whole: matches(
            Regex(pattern, ignores_case=True, is_multiline=True), whole, is_global=is_global
        ))  # fmt: skip

    return guard


def _replaced_text(host: KamailioHost, wanted: str, _text: str, mode: str) -> None:
    is_global = mode[:1] not in {"f", "F"}
    if wanted:
        _one_side(host, lambda whole: (
            [place] for place in places(whole, _bytes(wanted), 0, len(whole), is_global=is_global)
        ))  # fmt: skip


def _one_side(host: KamailioHost, found: Callable[[bytes], Iterable[list[tuple[int, int]]]]) -> None:
    """Refuse what would replace a text that begins in the headers and ends in the body."""
    data = _bytes(host.get_s("$mb") or "")
    line = re.match(rb"([\r\n]*)[^\n]*\n?", data)
    empty = re.search(rb"\n\r?\n", data)
    start = 0 if line is None else line.end() - line.end(1)  # as textops.c, get_header, counts it
    with contextlib.suppress(CannotEvaluate):  # Kamailio says no as well
        check_sides(
            ((start + match[0][0], start + match[0][1]) for match in found(data[start:])), empty and empty.end()
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


GUARDS: dict[str, Callable[..., None]] = {
    "textops.replace": _replacement(is_global=False),
    "textops.replace_all": _replacement(is_global=True),
    "textops.replace_str": _replaced_text,
    "textops.subst": _substitution_in_all,
    "textops.subst_body": _substitution,
    "textops.subst_hf": _substitution,
    "textops.subst_uri": _substitution,
    "textops.subst_user": _substitution,
}
"""As ``ksr_guards.GUARDS``."""
