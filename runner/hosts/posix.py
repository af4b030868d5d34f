"""
POSIX extended regular expressions and patterns of names, matched by the C library, which Kamailio uses too.

Python's ``re`` cannot replace it: it takes the first alternative where POSIX takes the longest. Standard library only:
it is imported by the Python that Kamailio embeds.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .expressions import CannotEvaluate, is_too_deep

if TYPE_CHECKING:
    from collections.abc import Iterator

# glibc's regex.h; musl has the same values.
_EXTENDED, _ICASE, _NEWLINE, _NOTBOL = 1, 2, 4, 1
_CASEFOLD = 16  # glibc's fnmatch.h
_REGEX_BYTES = 256  # regex_t has 64 in glibc
_LC_ALL_MASK = 8127


class _Match(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


class Regex:
    """A compiled expression."""

    def __init__(self, pattern: bytes, *, ignores_case: bool, is_multiline: bool) -> None:
        self._libc = _libc()
        self._compiled = ctypes.create_string_buffer(_REGEX_BYTES)
        if is_too_deep(pattern.decode("latin-1")):
            raise CannotEvaluate("a regular expression with too many brackets or repetitions")
        flags = _EXTENDED | (_ICASE if ignores_case else 0) | (_NEWLINE if is_multiline else 0)
        before = self._libc.uselocale(_c_locale())
        try:
            failed = self._libc.regcomp(self._compiled, pattern, flags)
        finally:
            self._libc.uselocale(before)
        if failed:
            raise CannotEvaluate("malformed regular expression")

    def __del__(self) -> None:
        self._libc.regfree(self._compiled)

    def match(self, text: bytes, groups: int, *, is_line_start: bool) -> list[tuple[int, int]] | None:
        """
        Find the first match: start and end of the whole, then of each group; -1 for a group that took no part in it.

        Args:
            text: Without NUL.
            groups: The number of groups to return.
            is_line_start: True when ``^`` matches at the start of the text.
        """
        found = (_Match * (groups + 1))()
        before = self._libc.uselocale(_c_locale())
        try:
            failed = self._libc.regexec(self._compiled, text, groups + 1, found, 0 if is_line_start else _NOTBOL)
        finally:
            self._libc.uselocale(before)
        return None if failed else [(match.start, match.end) for match in found]


def matches(
    regex: Regex, text: bytes, *, is_global: bool, groups: int = 0, line_by_line: bool = True
) -> Iterator[list[tuple[int, int]]]:
    """
    The matches that a replacement takes from a text, one after the other, as ``Regex.match`` gives them.

    As core/re.c, subst_run, and modules/textops/textops.c, replace_all_helper: ``^`` matches at the start, and behind a
    match that ends a line, unless ``line_by_line`` is false. Each text that is looked through ends at a NUL.

    Raises:
        CannotEvaluate: The expression matches the empty text.
    """
    at, is_line_start = 0, True
    while True:  # at the end, too
        rest = text[at:].partition(b"\0")[0]
        match = regex.match(rest, groups, is_line_start=is_line_start)
        if match is None:
            return
        start, end = match[0]
        if start == end:
            raise CannotEvaluate("the expression matches the empty text")
        yield [(at + first, at + last) if first >= 0 else (first, last) for first, last in match]
        if not is_global:
            return
        at += end
        is_line_start = line_by_line and rest[end - 1] in b"\r\n"


def matches_wildcards(text: bytes, pattern: bytes, *, ignores_case: bool) -> bool:
    """Whether a text without NUL is what a pattern with ``*``, ``?`` and ``[]`` says (fnmatch of the C library)."""
    libc = _libc()
    before = libc.uselocale(_c_locale())
    try:
        return bool(libc.fnmatch(pattern, text, _CASEFOLD if ignores_case else 0) == 0)
    finally:
        libc.uselocale(before)


@lru_cache(maxsize=1)
def _libc() -> Any:
    """The C library."""
    try:
        libc = ctypes.CDLL(None)
        libc.newlocale.restype = ctypes.c_void_p
        libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
        libc.uselocale.restype = ctypes.c_void_p
        libc.uselocale.argtypes = [ctypes.c_void_p]
        libc.regcomp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        libc.regexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]
        libc.fnmatch.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
        libc.regfree.argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError) as error:
        raise CannotEvaluate("this system has no POSIX regular expressions") from error
    return libc


@lru_cache(maxsize=1)
def _c_locale() -> Any:
    """Kamailio runs in the C locale, where a character is a byte."""
    return _libc().newlocale(_LC_ALL_MASK, b"C", None)
