"""
What a client counts of its execs, in memory that its daemon reads.

A process of Kamailio runs nothing between two execs and may be killed within one, so it counts where nothing has to be
sent. Beside each count stands how much of it a daemon has taken, so that the next daemon goes on from there and nothing
is counted twice. Standard library only, as a child of Kamailio imports it. Must not know scripts, nor what is shown.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OUTCOMES = (
    "true", "false", "exit", "missing", "exception", "not_found", "invalid", "refused", "timeout", "lost", "busy",
    "no_daemon", "error",
)  # fmt: skip
"""What an exec came to; docs/metrics.md says what each means."""

BOUNDS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of the times that are counted together, each included; beyond the last there is one more."""

SUMS = ("time_ns", "queue_ns", "load_ns", "questions", "edits", "texts", "outages")

FIRST_BUCKET = len(OUTCOMES)
FIRST_SUM = FIRST_BUCKET + len(BOUNDS_S) + 1
COUNTS = FIRST_SUM + len(SUMS)
"""Numbers of one row: execs by outcome, execs by time, and the sums."""

WORD = 8  # bytes of a number; one is written and read at once
KEY_BYTES = 512
ROW_COUNTS = 64  # there is room for more of them
ROW_BYTES = KEY_BYTES + 2 * ROW_COUNTS * WORD  # whose counts they are, the counts, and what was taken of them
HEAD_BYTES = 512  # the number of rows in use; bytes of lines that were written, and of those taken
ROWS = 64
LINES_AT = HEAD_BYTES + ROWS * ROW_BYTES
LINES_BYTES = 128 * 1024  # of the last lines; what is written around is lost
LONGEST_LINE = 4096
SIZE = LINES_AT + LINES_BYTES
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
KEYLESS = ("", "")


def quantile(times: Sequence[int], share: float) -> float:
    """
    The time in seconds that a share of the execs did not exceed, as histogram_quantile of Prometheus has it.

    Args:
        times: Execs by ``BOUNDS_S``, and those that took longer. Within two bounds they are spread evenly.
        share: From 0 to 1.

    Returns:
        0 where there is no exec; the last bound where it is beyond.
    """
    wanted, before, lower = share * sum(times), 0, 0.0
    for count, bound in zip(times, BOUNDS_S, strict=False):
        if count and before + count >= wanted:
            return lower + (bound - lower) * (wanted - before) / count
        before, lower = before + count, bound
    return BOUNDS_S[-1] if wanted else 0.0


class Counters:
    """
    A client's side: rows of counts, each of one build of one script. For one thread.

    Where the kernel gives no such file the counts stay in this process and nobody sees them.

    Attributes:
        descriptor: The file, for the daemon; -1 where there is none.
    """

    def __init__(self) -> None:
        self.descriptor = -1
        with contextlib.suppress(OSError):
            self.descriptor = os.memfd_create("app-mono counters", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(self.descriptor, SIZE)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, SEALS)
        self._memory = mmap.mmap(self.descriptor, SIZE)
        self._words = memoryview(self._memory).cast("Q")
        self._keys: dict[tuple[str, str], int] = {}  # the row of each, the one that was asked for last at the end
        self.row(*KEYLESS)

    def row(self, script: str, build: str) -> memoryview:
        """
        The counts of a build, ``COUNTS`` numbers that only ever grow.

        There are ``ROWS`` of them. The one that was asked for least recently is used again once a daemon has taken all
        that it has; until then further builds are counted together, in the row of no script.
        """
        key = script, build
        row = self._keys.pop(key, -1)
        if row < 0:
            row = len(self._keys) if len(self._keys) < ROWS else self._free()
            if row < 0:
                key, row = KEYLESS, 0
            else:
                self._name(row, script, build)
        self._keys.pop(key, None)
        self._keys[key] = row
        first = (HEAD_BYTES + row * ROW_BYTES + KEY_BYTES) // WORD
        return self._words[first : first + COUNTS]

    def write(self, line: bytes) -> None:
        """Leave a line for the daemon's log of execs; one that is longer than ``LONGEST_LINE`` is dropped."""
        if len(line) >= LONGEST_LINE:
            return
        written, data = self._words[1], line + b"\n"
        at = written % LINES_BYTES
        first = data[: LINES_BYTES - at]
        self._memory[LINES_AT + at : LINES_AT + at + len(first)] = first
        rest = data[len(first) :]
        self._memory[LINES_AT : LINES_AT + len(rest)] = rest
        self._words[1] = written + len(data)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def _name(self, row: int, script: str, build: str) -> None:
        at = HEAD_BYTES + row * ROW_BYTES
        self._memory[at : at + KEY_BYTES] = _key(script, build)
        self._words[0] = max(self._words[0], row + 1)

    def _free(self) -> int:
        """A row whose counts a daemon has taken, not in use any more; -1 for none."""
        for key, row in self._keys.items():
            at = HEAD_BYTES + row * ROW_BYTES + KEY_BYTES
            counts = self._memory[at : at + COUNTS * WORD]
            if row and counts == self._memory[at + ROW_COUNTS * WORD : at + (ROW_COUNTS + COUNTS) * WORD]:
                del self._keys[key]
                return row
        return -1


@dataclass(frozen=True, slots=True)
class Taken:
    """What was counted of one build since it was taken last; both names are empty for none or for many."""

    script: str
    build: str
    counts: tuple[int, ...]


class SharedCounters:
    """
    The daemon's side of a client's ``Counters``. ``close`` it.

    Nothing here trusts the client: the file cannot shrink and cannot block, and numbers of any kind come of it.

    Args:
        descriptor: The file, owned by this object from now on.

    Raises:
        ValueError: It is another file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        try:
            seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)  # only a file in memory has any
            is_right = seals & SEALS == SEALS and os.fstat(descriptor).st_size == SIZE
        except OSError:
            is_right = False
        if not is_right:
            self.close()
            raise ValueError(f"expected a sealed file of {SIZE} bytes in memory")

    def take(self) -> Iterator[Taken]:
        """What is new. Each of it is given once, to whichever daemon asks first; two must not ask at one time."""
        try:
            (rows,) = struct.unpack("Q", os.pread(self._descriptor, WORD, 0))
            data = os.pread(self._descriptor, min(rows, ROWS) * ROW_BYTES, HEAD_BYTES)
            for at in range(0, len(data), ROW_BYTES):
                counts = struct.unpack_from(f"{COUNTS}Q", data, at + KEY_BYTES)
                before = struct.unpack_from(f"{COUNTS}Q", data, at + KEY_BYTES + ROW_COUNTS * WORD)
                if counts != before:
                    place = HEAD_BYTES + at + KEY_BYTES + ROW_COUNTS * WORD
                    os.pwrite(self._descriptor, struct.pack(f"{COUNTS}Q", *counts), place)
                    new = tuple(max(0, count - old) for count, old in zip(counts, before, strict=True))
                    yield Taken(*_names(data[at : at + KEY_BYTES]), new)
        except OSError:
            return  # it was sealed further, so nothing of it can be counted

    def lines(self) -> tuple[list[bytes], int]:
        """The lines that were written since they were taken last, and how many bytes before them were lost."""
        try:
            written, taken = self._lines_written()
            first = max(min(taken, written), written - LINES_BYTES)
            data = b"".join(os.pread(self._descriptor, length, LINES_AT + at) for at, length in _pieces(first, written))
            now, _ = self._lines_written()  # what the client has written over meanwhile is none
            intact = max(first, now - LINES_BYTES)
            os.pwrite(self._descriptor, struct.pack("Q", written), 2 * WORD)
        except (OSError, struct.error):
            return [], 0
        lines = data[intact - first :].split(b"\n")[:-1]
        lost = intact - min(taken, written)
        return lines[lost > 0 :], lost  # the first one lost its beginning

    def _lines_written(self) -> tuple[int, int]:
        written, taken = struct.unpack("2Q", os.pread(self._descriptor, 2 * WORD, WORD))
        return written, taken

    def close(self) -> None:
        """Close the file; once."""
        os.close(self._descriptor)


def _pieces(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the bytes of lines from one number to another are: offset and length, of one piece or two."""
    at, length = first % LINES_BYTES, end - first
    head = min(length, LINES_BYTES - at)
    yield at, head
    if length > head:
        yield 0, length - head


def _key(script: str, build: str) -> bytes:
    """The names of a row; what is too long is cut off, and then it is the name of nothing."""
    text = f"{build}\n{script}".encode("utf-8", "surrogatepass")
    return text[:KEY_BYTES].ljust(KEY_BYTES, b"\0")


def _names(key: bytes) -> tuple[str, str]:
    build, _, script = key.rstrip(b"\0").decode("utf-8", "replace").partition("\n")
    return script, build
