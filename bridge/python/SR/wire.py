"""The two pipes to the runner: lines that come, and messages that leave in the fewest lines that keep their order.

Must not know what a message means.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import threading
from json.encoder import encode_basestring_ascii as _encoded
from time import monotonic, perf_counter_ns
from typing import Any, NoReturn

READ_BYTES = 64 * 1024
HOLD_S = 0.010  # how long a notice or an edit waits at most
HOLD_CHARACTERS = 32 * 1024
QUIET_TICKS = 100
MARGIN = 4  # of a line: the brackets of a batch, a comma and the line feed

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # not in typeshed
# A lone surrogate that stands for no byte of a message (PEP 383). Written so that this file is plain ASCII.
_NO_TEXT = re.compile("[\\ud800-\\udc7f\\udd00-\\udfff]")


class LostTurn(Exception):
    """The two sides no longer agree whose turn it is, so no later line can be trusted."""


def quoted(text: str) -> str:
    """The text as JSON, in ASCII without DEL."""
    json_text = _encoded(text)
    return json_text if "\x7f" not in json_text else json_text.replace("\x7f", "\\u007f")


def is_text(text: str) -> bool:
    """Whether the text can be a part of a SIP message: its lone surrogates are bytes."""
    return text.isascii() or _NO_TEXT.search(text) is None


def readable(text: str) -> str:
    """The text with U+FFFD for each surrogate that stands for no byte."""
    return text if text.isascii() else _NO_TEXT.sub("\ufffd", text)


def end_group() -> NoReturn:
    """End this process at once, and all that it started."""
    if os.getpgrp() == os.getpid():
        os.kill(0, signal.SIGKILL)
    os._exit(0)


class Lines:
    """The lines of the runner.

    Attributes:
        came_ns: When the last one was complete, on ``time.perf_counter_ns``.
    """

    def __init__(self, descriptor: int, max_line_bytes: int) -> None:
        self._descriptor = descriptor
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self.came_ns = 0

    def next(self) -> dict[str, Any] | None:
        """The next message; waits for it. None at the end of the stream.

        Raises:
            LostTurn: The line is no JSON object, or too long.
        """
        line: bytes | bytearray = b""
        if not self._rest:
            line = os.read(self._descriptor, READ_BYTES)
        if line[-1:] != b"\n" or line.find(b"\n") != len(line) - 1:  # almost always it is one line, and whole
            self._rest += line
            line = self._line()
            if not line:
                return None
        self.came_ns = perf_counter_ns()
        try:
            text = line.decode("ascii")
            message, end = _scan(text, 0)
        except (ValueError, RecursionError, StopIteration) as error:
            raise LostTurn(f"expected one line of JSON: {error}") from error
        if type(message) is not dict or end != len(text) - 1:
            raise LostTurn("expected one JSON object")
        return message

    def _line(self) -> bytearray:
        """The next line of ``_rest`` and what comes; empty at the end of the stream."""
        searched = 0
        while (end := self._rest.find(b"\n", searched)) < 0:
            searched = len(self._rest)
            if searched > self._max_line_bytes:
                raise LostTurn(f"expected a line of at most {self._max_line_bytes} bytes")
            data = os.read(self._descriptor, READ_BYTES)
            if not data:
                return bytearray()
            self._rest += data
        line = self._rest[: end + 1]
        del self._rest[: end + 1]
        return line


class Outbox:
    """What leaves. A notice waits for the message that passes the turn, and travels with it as one batch.

    Certain edits wait apart: a result carries them, and before any other message they become a notice. A thread sends
    what has waited for ``HOLD_S``, and ends the process when the runner hangs up.

    Attributes:
        gate: Hold it around ``notice`` and ``edit``; every thread may send.
        max_line_bytes: The longest line that may be sent.
    """

    def __init__(self, descriptor: int, max_line_bytes: int) -> None:
        self.gate = threading.RLock()
        self.max_line_bytes = max_line_bytes
        self.longest_edits = min(HOLD_CHARACTERS, max_line_bytes // 2)
        self._descriptor = descriptor
        self._notices: list[str] = []
        self._edits: list[str] = []
        self._notice_characters = self._edit_characters = 0
        self._since = 0.0  # when the first of them began to wait
        self._wake: int | None = None  # None while the watch looks by itself

    def notice(self, message: str) -> None:
        """Send a message that needs no answer, at the latest in ``HOLD_S``."""
        if self._edits:
            self._edits_to_notice()
        self._hold(message)
        if self._notice_characters > HOLD_CHARACTERS or monotonic() - self._since >= HOLD_S:
            self._send()

    def edit(self, pair: str) -> bool:
        """Send a certain edit, at the latest in ``HOLD_S``; false: it is too long, and the host has to be asked."""
        length = len(pair)
        if length > self.longest_edits:
            return False
        if self._edit_characters + length >= self.longest_edits:
            self._edits_to_notice()
        if not self._edits and not self._notices:
            self._starts_to_wait()
        self._edits.append(pair)
        self._edit_characters += length + 1
        return True

    def turn(self, message: str) -> bool:
        """Send a message that passes the turn, after all that waits; false: it does not fit into a line."""
        if len(message) >= self.max_line_bytes - MARGIN:
            return False
        with self.gate:
            if self._edits:
                self._edits_to_notice()
            if self._notices:
                self._hold(message)
                self._send()
            else:
                self._write(message + "\n")
        return True

    def result(self, beginning: str, ending: str) -> None:
        """Send a result, with the edits that wait between its two parts."""
        with self.gate:
            message = f"{beginning}{','.join(self._edits)}{ending}"
            self._edits.clear()
            self._edit_characters = 0
            if self._notices:
                self._hold(message)
                self._send()
            else:
                self._write(message + "\n")

    def watch(self, reads: int) -> None:
        """Start the thread, which watches the descriptor that the runner's lines come from."""
        awaits, wakes = os.pipe()
        threading.Thread(target=self._watch, args=(reads, awaits, wakes), name="app-mono watch", daemon=True).start()

    def _starts_to_wait(self) -> None:
        """The first of those that wait."""
        self._since = monotonic()
        if self._wake is not None:
            wake, self._wake = self._wake, None
            os.write(wake, b"!")

    def _hold(self, message: str) -> None:
        """Add a message to the batch; when both do not fit into one line, the batch goes first."""
        if self._notice_characters + len(message) > self.max_line_bytes - MARGIN:
            self._send()
        if not self._notices:
            self._starts_to_wait()
        self._notices.append(message)
        self._notice_characters += len(message) + 1

    def _edits_to_notice(self) -> None:
        edits = ",".join(self._edits)
        self._edits.clear()
        self._edit_characters = 0
        self._hold(f'{{"jsonrpc":"2.0","method":"edits","params":[{edits}]}}')

    def _send(self) -> None:
        if self._notices:
            lines = self._notices
            text = lines[0] + "\n" if len(lines) == 1 else f"[{','.join(lines)}]\n"
            lines.clear()
            self._notice_characters = 0
            self._write(text)

    def _write(self, text: str) -> None:
        data = text.encode("ascii")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # the runner has gone: the watch ends the process, and the script sees no exception
            pass

    def _watch(self, reads: int, awaits: int, wakes: int) -> None:
        poll = select.poll()
        poll.register(reads, 0)  # a hang-up is always reported
        poll.register(awaits, select.POLLIN)
        quiet = 0
        while True:
            for descriptor, _ in poll.poll(None if self._wake is not None else HOLD_S * 1000):
                if descriptor == reads:
                    end_group()
                os.read(awaits, 1)
            with self.gate:
                quiet = 0 if self._notices or self._edits else quiet + 1
                if quiet > QUIET_TICKS:
                    self._wake = wakes
                    quiet = 0
                elif quiet == 0 and monotonic() - self._since >= HOLD_S:
                    if self._edits:
                        self._edits_to_notice()
                    self._send()


def lost(why: object) -> NoReturn:
    """Say why the conversation cannot go on, and end this process."""
    os.write(2, f"bridge: {why}\n".encode("utf-8", "backslashreplace"))
    end_group()
