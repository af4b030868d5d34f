"""
The smallest case that still shows a difference: steps, then header lines, then pieces of them, then bytes.

Must not know what the difference is: it only asks whether a smaller case still has it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tools.compare.cases import Case, Step
from tools.compare.headers import COMPACT

T = TypeVar("T")
Holds = Callable[[Case], bool]
"""Whether a case still shows the difference."""

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)(?:[ \t][^\r\n]*(?:\r\n|\r|\n|\Z))*")
_PIECE = re.compile(rb"[A-Za-z0-9]+|\r\n[ \t]+|[\x80-\xff]+|.", re.DOTALL)
_BODY_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_BYTE = re.compile(rb".", re.DOTALL)
_HEADER_TEXT = re.compile(r"([^:]*:)(.*?)((?:\r\n)?)", re.DOTALL)
_TEXT_PIECE = re.compile(r"[A-Za-z0-9]+|\r\n[ \t]*|.", re.DOTALL)
_NAME = re.compile(rb"([A-Za-z-]+)[ \t]*:")
_TRANSFORMATION = re.compile(r"\{[^{}]*\}")
WRITES = ("PV.SetS", "HDR.Append", "HDR.Insert", "HDR.AppendToReply")
MOST_BYTES = 400  # pieces longer than this are not taken apart byte by byte
PLAIN = {
    b"via": b"Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa;rport\r\n",
    b"from": b"From: <sip:a@a.example>;tag=a\r\n",
    b"to": b"To: <sip:b@b.example>\r\n",
    b"call-id": b"Call-ID: a\r\n",
    b"cseq": b"CSeq: 1 OPTIONS\r\n",
}
"""What every message has to have, as plain as it can be: these headers are replaced, not removed."""
END = b"\r\n"
PLAIN_LINES = (b"OPTIONS sip:b@b.example SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n")
_COMPACT = {short.encode(): name.lower().encode() for name, short in COMPACT.items()}


def lines(message: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a head, folds with the line that they belong to, and the rest, blank line first."""
    found: list[bytes] = []
    at = 0
    while at < len(message):
        match = _LINE.match(message, at)
        assert match is not None
        if found and match[0].strip(b"\r\n") == b"":
            return found, message[at:]
        found.append(match[0])
        at = match.end()
    return found, b""


def header_name(line: bytes) -> bytes:
    """The lower-case long name of a header line; empty for what has none."""
    match = _NAME.match(line)
    name = match[1].lower() if match else b""
    return _COMPACT.get(name, name)


def shrunk(case: Case, target: Step | None, holds: Holds, deadline: float) -> Case:
    """
    A smaller case for which ``holds`` is true.

    Args:
        case: One for which it is true.
        target: The step that differs, the last one; None when it is not an answer that differs.
        holds: Plays a case.
        deadline: Time of ``time.monotonic`` at which the best so far is good enough.
    """

    def in_time(candidate: Case) -> bool:
        return time.monotonic() < deadline and holds(candidate)

    case = _steps(case, target, in_time)
    if target is not None and case.mode != "drop" and in_time(dropped := Case(case.message, case.steps)):
        case = dropped
    case = _head(case, in_time)
    case = _inside(case, in_time)
    return _arguments(_expressions(case, in_time), in_time)


def _steps(case: Case, target: Step | None, holds: Holds) -> Case:
    last = (target,) if target is not None else ()
    before = case.steps[: len(case.steps) - len(last)]
    kept = smallest(before, lambda part: holds(case.with_steps((*part, *last))))
    return case.with_steps((*kept, *last))


def _head(case: Case, holds: Holds) -> Case:
    head, rest = lines(case.message)
    if len(rest) != len(END) and holds(case.with_message(b"".join(head) + END)):
        rest = END

    def still(candidate: list[bytes]) -> bool:
        return holds(case.with_message(b"".join(candidate) + rest))

    # Together first: the methods of start line and CSeq have to be the same.
    plain = [PLAIN.get(header_name(line), line) for line in head[1:]]
    candidates = [[line, *plain] for line in PLAIN_LINES] + [[line, *head[1:]] for line in PLAIN_LINES]
    head = next((candidate for candidate in candidates if still(candidate)), head)
    for number, line in enumerate(plain, 1):
        one = [*head[:number], line, *head[number + 1 :]]
        if line != head[number] and still(one):
            head = one
    head = head[:1] + smallest(head[1:], lambda part: still([head[0], *part]))
    return case.with_message(b"".join(head) + rest)


def _inside(case: Case, holds: Holds) -> Case:
    """Pieces of each line that is not plain, and of the body."""
    head, rest = lines(case.message)
    plain = {*PLAIN_LINES, *PLAIN.values()}
    parts = [*head, rest]
    for number, line in enumerate(parts):
        if line in plain or not line.strip():
            continue

        is_body = number == len(parts) - 1
        named = _NAME.match(line)
        start = END if is_body and line.startswith(END) else named[0] if named and number else b""
        end = b"" if is_body else line[len(line.rstrip(b"\r\n")) :]

        def whole(pieces: list[bytes], number: int = number, start: bytes = start, end: bytes = end) -> Case:
            return case.with_message(b"".join([*parts[:number], start, *pieces, end, *parts[number + 1 :]]))

        def still(pieces: list[bytes]) -> bool:
            return holds(whole(pieces))

        inside: bytes = line[len(start) : len(line) - len(end)]
        if end != END and holds(whole([inside], end=END)):
            end = END
        cuts = ([_BODY_LINE] if is_body else []) + [_PIECE] + ([_BYTE] if len(inside) <= MOST_BYTES else [])
        for cut in cuts:
            pieces: list[bytes] = cut.findall(inside)
            kept: list[bytes] = smallest(pieces, still)
            inside = b"".join(kept)
        parts[number] = start + inside + end
    return case.with_message(b"".join(parts))


def _expressions(case: Case, holds: Holds) -> Case:
    """Each step without transformations that it can do without."""
    for number, step in enumerate(case.steps):
        if len(step) < 2 or not isinstance(step[1], str):
            continue
        for found in reversed(list(_TRANSFORMATION.finditer(step[1]))):
            current = case.steps[number]
            text = str(current[1])
            without = text[: found.start()] + text[found.end() :]
            smaller = case.with_steps(
                (*case.steps[:number], (current[0], without, *current[2:]), *case.steps[number + 1 :])
            )
            if holds(smaller):
                case = smaller
    return case


def _arguments(case: Case, holds: Holds) -> Case:
    """What is written, in fewer pieces."""
    for number, step in enumerate(case.steps):
        if step[0] in WRITES and isinstance(step[-1], str):
            case = _less_written(case, number, step[-1], holds)
    return case


def _less_written(case: Case, number: int, text: str, holds: Holds) -> Case:
    # A header keeps its name and its end: without them it is another kind of text.
    whole = _HEADER_TEXT.fullmatch(text) if str(case.steps[number][0]).startswith("HDR.") else None
    start, inside, end = whole.groups() if whole else ("", text, "")
    pieces: list[str] = _TEXT_PIECE.findall(inside)

    def written(parts: list[str]) -> Case:
        step = (*case.steps[number][:-1], f"{start}{''.join(parts)}{end}")
        return case.with_steps((*case.steps[:number], step, *case.steps[number + 1 :]))

    return written(smallest(pieces, lambda parts: holds(written(parts))))


def smallest(parts: Sequence[T], holds: Callable[[list[T]], bool]) -> list[T]:
    """Delta debugging (Zeller's ddmin by complements): a part of which nothing more can be left out alone."""
    if not parts or holds([]):
        return []
    parts = list(parts)
    size = max(1, len(parts) // 2)
    while parts:
        at, has_shrunk = 0, False
        while at < len(parts):
            fewer = [*parts[:at], *parts[at + size :]]
            if len(fewer) < len(parts) and fewer and holds(fewer):
                parts, has_shrunk = fewer, True
            else:
                at += size
        if size == 1 and not has_shrunk:
            return parts
        if not has_shrunk:
            size = max(1, size // 2)
    return parts
