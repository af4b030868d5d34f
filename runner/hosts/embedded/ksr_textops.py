"""
What module textops does with expressions and texts: search, replace and substitute in a message that came in.

All of them read the message as it was received, without the edits so far. Facts: modules/textops/textops.c, which is
the same in 5.6.3 and 6.0.1 but for what is since 6.0; core/re.c.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from runner.hosts.expressions import check_places, places
from runner.hosts.posix import Regex, matches

from .ksr_function import FALSE, TRUE, Function, of_host, with_bytes
from .substitution import REQUEST_URI, Replaced, Subst, replaced, run
from .value import CannotEvaluate, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .context import Context
    from .host import MessageHost
    from .ksr_function import Answer

_NOTHING_TO_SEARCH_IN, _NOT_MATCHED = -2, -2
_NOTHING_TO_SEARCH_FOR = 2
MEMORY_BYTES = 8 << 20  # core/config.h, PKG_MEM_SIZE: what a process has
_EDIT_BYTES = 200  # two lumps
_MOST_MATCHES = MEMORY_BYTES // 8  # regmatch_t has 8 bytes
_SHOWN = 80


class Region(NamedTuple):
    """
    A part of the message that is looked through.

    Attributes:
        start: Where it begins in the message.
        data: Its bytes.
    """

    start: int
    data: bytes

    @property
    def text(self) -> bytes:
        """What an expression is matched with: a C string, which ends at a NUL."""
        return self.data.partition(b"\0")[0]


def shown(text: bytes) -> str:
    """A text of the script as a sentence shows it."""
    return ascii(text[:_SHOWN].decode("utf-8", "replace"))


def compiled(pattern: bytes) -> Regex:
    """
    An expression as textops compiles nearly all: without regard to case, and line by line.

    Raises:
        CannotEvaluate: It is malformed.
    """
    return regex(pattern, ignores_case=True, is_multiline=True)


def regex(pattern: bytes, *, ignores_case: bool, is_multiline: bool) -> Regex:
    """As ``Regex``, with a sentence that names the expression."""
    try:
        return Regex(pattern, ignores_case=ignores_case, is_multiline=is_multiline)
    except CannotEvaluate as error:
        raise CannotEvaluate(f"{shown(pattern)}: {error}") from error


def substitution(host: MessageHost, text: bytes) -> Subst:
    """``/expression/replacement/flags``; CannotEvaluate where it is none, with a sentence that names it."""
    try:
        return host.substitution(text)
    except CannotEvaluate as error:
        raise CannotEvaluate(f"{shown(text)}: {error}") from error


def replacements(host: MessageHost, subst: Subst, text: bytes) -> list[Replaced]:
    """What a substitution replaces in a text, with the variables of this message."""
    return run(subst, text, partial(_read, host))


def _read(host: MessageHost, name: bytes) -> Value:
    if name != REQUEST_URI:
        return host.evaluate(name)
    context = host.context
    return Value(context.request_uri if context.message.first_line.is_request else b"")


def _whole(context: Context) -> Region:
    return Region(0, context.message.data)


def _behind_first_line(context: Context) -> Region:
    """textops.c, get_header: the length of the first line is counted from the start of the buffer."""
    line = context.message.first_line
    start = line.end - line.start
    return Region(start, context.message.data[start:])


def body_of(context: Context) -> Region:
    """
    The body (core/parser/parse_body.h, get_body).

    Raises:
        CannotEvaluate: There is none, or a header cannot be parsed.
    """
    message = context.message
    if message.broken_at is not None or message.body_start is None or not message.body:
        raise CannotEvaluate("the message has no body")
    return Region(message.body_start, message.body)


def _headers(context: Context) -> Region:
    message, start = context.message, _behind_first_line(context).start
    if message.broken_at is not None or message.headers_end <= start:
        raise CannotEvaluate("a header cannot be parsed")
    return Region(start, message.data[start : message.headers_end])


def _found(where: Region, pattern: Regex) -> tuple[int, int] | None:
    """The first match, as offsets in the message."""
    match = pattern.match(where.text, 0, is_line_start=True)
    return None if match is None else (where.start + match[0][0], where.start + match[0][1])


class _Room:
    """What still fits into Kamailio's memory; a call that makes many edits fails at the first that does not."""

    def __init__(self, context: Context) -> None:
        self._edits = context.edits
        self._left = MEMORY_BYTES - sum(len(edit.text) + _EDIT_BYTES for edit in context.edits.edits)

    def replace(self, offset: int, length: int, text: bytes) -> None:
        """Edit the message; raises CannotEvaluate where there is no more room."""
        self._left -= len(text) + _EDIT_BYTES
        if self._left < 0:
            raise CannotEvaluate("the edits do not fit into the memory of a process of Kamailio")
        self._edits.replace(offset, length, text)


def _searches(where: Callable[[Context], Region]) -> Callable[..., Answer]:
    def search(context: Context, pattern: bytes) -> int:
        if not pattern:
            return TRUE
        found = compiled(pattern)
        return FALSE if _found(where(context), found) is None else TRUE

    return search


def _search_text(_context: Context, text: bytes, pattern: bytes) -> int:
    if not pattern:
        return _NOTHING_TO_SEARCH_FOR
    if not text:
        return _NOTHING_TO_SEARCH_IN
    try:
        found = compiled(pattern)
    except CannotEvaluate:
        return _NOTHING_TO_SEARCH_IN
    return FALSE if found.match(text, 0, is_line_start=True) is None else TRUE


def _appends(where: Callable[[Context], Region]) -> Callable[..., Answer]:
    def append(context: Context, pattern: bytes, text: bytes) -> int:
        found = _found(where(context), compiled(pattern))
        if found is None:
            return FALSE
        context.edits.insert(found[1], text)
        return TRUE

    return append


def _replaces(where: Callable[[Context], Region]) -> Callable[..., Answer]:
    def replace(context: Context, pattern: bytes, text: bytes) -> int:
        found = _found(where(context), compiled(pattern))
        if found is None:
            return FALSE
        check_places([found], context.message.body_start)
        context.edits.replace(found[0], found[1] - found[0], text)
        return TRUE

    return replace


def _replaces_all(where: Callable[[Context], Region], *, line_by_line: bool = True) -> Callable[..., Answer]:
    """replace_all_helper; ``^`` matches behind a line end as well, unless it is done at once."""

    def replace(context: Context, pattern: bytes, text: bytes) -> int:
        found, region, room, answer = compiled(pattern), where(context), _Room(context), FALSE

        def each() -> Iterator[tuple[int, int]]:
            for (start, end), *_ in matches(found, region.data, is_global=True, line_by_line=line_by_line):
                yield region.start + start, region.start + end
                if end == len(region.data):
                    return

        check_places(each(), context.message.body_start)
        for start, end in each():
            room.replace(start, end - start, text)
            answer = TRUE
        return answer

    return replace


def _replaces_text(where: Callable[[Context], Region]) -> Callable[..., Answer]:
    """ki_replace_str_helper: each but the first is looked for up to the end of the message."""

    def replace(context: Context, wanted: bytes, text: bytes, mode: bytes) -> int:
        region, data, room = where(context), context.message.data, _Room(context)
        if not wanted:
            return TRUE
        ends = region.start + len(region.data)
        found = list(places(data, wanted, region.start, ends, is_global=mode[:1] not in {b"f", b"F"}))
        check_places(found, context.message.body_start)
        for start, end in found:
            room.replace(start, end - start, text)
        return TRUE

    return replace


def substitute(host: MessageHost, subst: Subst, where: Region) -> bool:
    """Replace in a part of the message; False when nothing was."""
    found, room = replacements(host, subst, where.data), _Room(host.context)
    check_places(
        ((where.start + each.start, where.start + each.end) for each in found), host.context.message.body_start
    )
    for each in found:
        room.replace(where.start + each.start, each.end - each.start, each.text)
    return bool(found)


def _substitutes(where: Callable[[Context], Region]) -> Callable[..., Answer]:
    def subst(host: MessageHost, text: bytes) -> int:
        return TRUE if text and substitute(host, substitution(host, text), where(host.context)) else FALSE

    return subst


def _substituted(host: MessageHost, text: bytes, of: bytes) -> bytes | None:
    """The text with its matches replaced; None without any."""
    found = replacements(host, substitution(host, text), of)
    return replaced(of, found) if found else None


def _substitute_uri(host: MessageHost, text: bytes) -> int:
    result = _substituted(host, text, host.context.request_uri)
    if result is None:
        return FALSE
    host.context.new_uri = result
    return TRUE


def _substitute_user(host: MessageHost, text: bytes) -> int:
    """subst_user_helper_f: while it runs, a NUL stands in the R-URI behind the user, and a result ends at one."""
    subst, whole = substitution(host, text), host.context.request_uri
    uri = host.context.uri(whole)
    if uri is None:
        return FALSE

    def read(name: bytes) -> Value:
        value = _read(host, name)
        if name not in {b"$ru", REQUEST_URI} or not uri.user:
            return value
        return Value(whole[: whole.index(uri.user) + len(uri.user)] + b"\0")

    found = run(subst, uri.user, read)
    if not found:
        return FALSE
    host.assign(b"$rU", replaced(uri.user, found).partition(b"\0")[0])
    return TRUE


def check_writable(host: MessageHost, name: bytes) -> None:
    """
    Look whether a function can write its result there.

    Raises:
        CannotEvaluate: The name is no variable, or that cannot be written.
    """
    if not host.is_writable(name):
        raise CannotEvaluate(f"{shown(name)} is no variable that can be written")


def write(host: MessageHost, name: bytes, value: bytes) -> None:
    """Write the result; what the variable's setter says does not count."""
    with contextlib.suppress(CannotEvaluate):
        host.assign(name, value)


def _substitute_text(host: MessageHost, of: bytes, text: bytes, name: bytes) -> int:
    check_writable(host, name)
    result = _substituted(host, text, of)
    if result is None:
        return FALSE
    write(host, name, result)
    return TRUE


def _write_match(  # noqa: PLR0917  # the parameters of KSR
    host: MessageHost, text: bytes, pattern: bytes, which: int, count: int, name: bytes
) -> int:
    """ki_regex_substring: its flags for the match are those of an expression, so ``^`` does not match in front."""
    check_writable(host, name)
    if not 0 <= which < count <= _MOST_MATCHES:
        return FALSE
    found = regex(pattern, ignores_case=False, is_multiline=False).match(text, which, is_line_start=False)
    if found is None:
        return _NOT_MATCHED
    start, end = found[which]
    if start == end:
        return FALSE
    write(host, name, text[start:end])
    return TRUE


FUNCTIONS: dict[str, Function] = {
    "textops.regex_substring": Function("ssiis", of_host(_write_match)),
    "textops.replace": Function("ss", with_bytes(_replaces(_behind_first_line))),
    "textops.replace_all": Function("ss", with_bytes(_replaces_all(_behind_first_line))),
    "textops.replace_body": Function("ss", with_bytes(_replaces(body_of))),
    "textops.replace_body_all": Function("ss", with_bytes(_replaces_all(body_of))),
    "textops.replace_body_atonce": Function("ss", with_bytes(_replaces_all(body_of, line_by_line=False))),
    "textops.replace_body_str": Function("sss", with_bytes(_replaces_text(body_of))),
    "textops.replace_hdrs": Function("ss", with_bytes(_replaces(_headers))),
    "textops.replace_hdrs_str": Function("sss", with_bytes(_replaces_text(_headers))),
    "textops.replace_str": Function("sss", with_bytes(_replaces_text(_behind_first_line))),
    "textops.search": Function("s", with_bytes(_searches(_whole))),
    "textops.search_append": Function("ss", with_bytes(_appends(_behind_first_line))),
    "textops.search_append_body": Function("ss", with_bytes(_appends(body_of))),
    "textops.search_body": Function("s", with_bytes(_searches(body_of))),
    "textops.search_str": Function("ss", with_bytes(_search_text)),
    "textops.subst": Function("s", of_host(_substitutes(_behind_first_line))),
    "textops.subst_body": Function("s", of_host(_substitutes(body_of))),
    "textops.subst_uri": Function("s", of_host(_substitute_uri)),
    "textops.subst_user": Function("s", of_host(_substitute_user)),
    "textops.subst_v": Function("sss", of_host(_substitute_text), since_6=True),
}
"""Of textops, what looks for texts or expressions in the message as it came, or in a text."""
