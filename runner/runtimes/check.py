"""
Plays the recorded conversations with any worker, and says what it does wrong.

Must not know the processes of a runner: what is played with is a command.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from runner.wire import messages
from runner.wire.channel import Channel
from runner.wire.events import CAN
from runner.wire.session import MAX_LINE_BYTES

from .runtime import MOVED_WIRE
from .transcripts import NEEDING_HELPER, content_hash, every, filled, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .transcripts import Language, Transcript

PATIENCE_S = 30.0
REAP_S = 5.0
SEPARATORS = ((",", ":"), (", ", ": "))  # as the runner writes a line, and as another program might
PRINTABLE = range(0x20, 0x7F)


class Wrong(Exception):
    """
    A worker says something else than a transcript.

    Attributes:
        row: Its line in the transcript's file.
        expected: What the transcript has there.
        got: What came.
    """

    def __init__(self, row: int, expected: str, got: str) -> None:
        super().__init__(f"line {row}: expected {expected}, got {got}")
        self.row, self.expected, self.got = row, expected, got


class Talk:
    """
    A real worker at the other end of two pipes. A context manager, which hangs up and waits for the end of the process.

    Args:
        command: The worker, without the arguments that the runner adds.
        directory: Where its log, its working directory and its builds are made.
        copies: The directory with the copies.
        max_line_bytes: Of its wire.
        patience_s: The longest wait for a line.
        moves_wire: Whether the wire is moved to the descriptors 3 and 4, as for every worker but mono's.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        copies: Path,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        patience_s: float = PATIENCE_S,
        moves_wire: bool = True,
    ) -> None:
        self._log, work, builds = directory / "log", directory / "work", directory / "builds"
        self._patience_s = patience_s
        for made in (work, builds):
            made.mkdir()
        their_reads, our_writes = os.pipe()
        our_reads, their_writes = os.pipe()
        self._channel = Channel(our_reads, our_writes)
        with (
            os.fdopen(their_reads, "rb") as stdin,
            os.fdopen(their_writes, "wb") as stdout,
            self._log.open("wb") as log,
        ):
            self.process = subprocess.Popen(
                [
                    *(MOVED_WIRE if moves_wire else ()),
                    *command,
                    str(max_line_bytes),
                    "retire",
                    str(copies),
                    str(builds),
                ],
                stdin=stdin,
                stdout=stdout,
                stderr=log,
                cwd=work,
                start_new_session=True,
            )
        self._rest = b""
        self._messages: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up; a process that does not end itself then is killed, with all that it started."""
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(REAP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(REAP_S)

    @property
    def log(self) -> str:
        """What it wrote to its standard output and error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def say(self, line: bytes) -> None:
        """Send these bytes."""
        self._channel.send(line, time.monotonic() + self._patience_s)

    def hear(self) -> bytes:
        """What has come; empty at the end of the stream."""
        return self._channel.receive(time.monotonic() + self._patience_s)

    def message(self) -> dict[str, Any] | None:
        """
        The next message, alone or out of a batch: how long notices wait for company is a matter of time.

        Returns:
            None at the end of the stream.

        Raises:
            NotAMessage: What came is no line of this wire.
            TimeoutError: Nothing came.
        """
        while not self._messages:
            line, end, self._rest = self._rest.partition(b"\n")
            if not end:
                more = self.hear()
                if not more:
                    return None
                self._rest = line + more
                continue
            if not all(byte in PRINTABLE for byte in line):
                raise messages.NotAMessage(f"expected printable ASCII, got {messages.shown(line)}")
            self._messages = messages.parse(line)
        return self._messages.pop(0)


def play(transcript: Transcript, talk: Talk, places: dict[str, Any], separators: tuple[str, str]) -> None:
    """
    Speak the runner's side of a transcript, and compare what the worker says.

    Raises:
        Wrong: It says something else, or nothing.
    """
    way = ""
    for number, row in enumerate(transcript.rows, 2):
        match filled(row, places):
            case {"after": other} if other != way:
                continue
            case {"from": "runner", "line": line}:
                with contextlib.suppress(ConnectionError):  # what it says next is compared
                    talk.say(json.dumps(line, separators=separators).encode() + b"\n")
            case {"from": "bridge", "end": True}:
                _compare(number, None, _heard(number, None, talk))
            case {"from": "bridge", "either": ways}:
                got = _heard(number, [each["line"] for each in ways.values()], talk)
                wanted = {name: each["line"] for name, each in ways.items() if places["<ends>"] in {name, "<anything>"}}
                way = next((name for name, line in wanted.items() if matches(line, got)), "")
                if not way:
                    raise Wrong(number, " or ".join(map(json.dumps, wanted.values())), json.dumps(got))
            case {"from": "bridge", "line": line}:
                for message in line if isinstance(line, list) else [line]:
                    _compare(number, message, _with_early_edits(number, message, talk))


def _with_early_edits(number: int, expected: Any, talk: Talk) -> Any:
    """What it says next; edits that it sent before a result, as a worker does that was held up, are put into that."""
    early: list[Any] = []
    got = _heard(number, expected, talk)
    while "result" in expected and isinstance(got, dict) and got.get("method") == "edits":
        early += got["params"]
        got = _heard(number, expected, talk)
    if early and isinstance(got, dict) and isinstance(got.get("result"), dict):
        got = got | {"result": got["result"] | {"edits": early + got["result"].get("edits", [])}}
    return got


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What came of one transcript.

    Attributes:
        transcript: The one that was played.
        wrong: What the worker says that is not in it; None: nothing, or it was left out.
        left_out: Why it was not played; empty: it was.
        log: What the worker wrote to its log.
    """

    transcript: Transcript
    wrong: Wrong | None = None
    left_out: str = ""
    log: str = ""


def check(command: Sequence[str], spoken: Language, patience_s: float = PATIENCE_S) -> Iterator[Verdict]:
    """
    Play every transcript with a worker of its own, in both forms that a line may have.

    Raises:
        OSError: The command cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="app-mono-") as made:
        places = _Places(Path(made))
        spoken.copied(places.copies)

        def start() -> Talk:
            return Talk(command, places.new(), places.copies, patience_s=patience_s)

        can, needs = _greeted(start, spoken)
        for transcript in every():
            yield _verdict(transcript, start, spoken, can, needs)


class _Places:
    def __init__(self, above: Path) -> None:
        self._above, self._made = above, 0
        self.copies = self.new()

    def new(self) -> Path:
        self._made += 1
        made = self._above / str(self._made)
        made.mkdir()
        return made


def _verdict(
    transcript: Transcript, start: Callable[[], Talk], spoken: Language, can: Sequence[str], needs: Sequence[str]
) -> Verdict:
    files = [f"{name}{spoken.suffix}" for name in sorted(transcript.scripts) if not spoken.file(name).is_file()]
    unable = [word for word in transcript.can if word not in can]
    if unable:
        return Verdict(transcript, left_out=f"the worker does not say that it can: {', '.join(unable)}")
    if files:
        return Verdict(transcript, left_out=f"{spoken.scripts} has no {', '.join(files)}")
    for separators in SEPARATORS:
        with start() as talk:
            try:
                play(transcript, talk, spoken.all_places(talk.process.pid, needs), separators)
            except Wrong as wrong:
                return Verdict(transcript, wrong, log=talk.log)
    return Verdict(transcript)


def _greeted(start: Callable[[], Talk], spoken: Language) -> tuple[Sequence[str], Sequence[str]]:
    """What a worker says that it can, and what it needs for the script that has a helper."""
    needs = spoken.places["<needs>"]
    needs = needs if isinstance(needs, list) else []
    script = spoken.file(NEEDING_HELPER)
    with start() as talk, contextlib.suppress(messages.NotAMessage, OSError, LookupError, TypeError):
        ready = talk.message() or {}
        can = [str(word) for word in ready["params"]["can"]]
        if not needs and script.is_file():
            params = {"path": str(script), "generation": "1", "file": content_hash(script.read_bytes()), "helpers": {}}
            talk.say(messages.load_request(1, params | {"symbols": None, "config": None}))
            answer = talk.message() or {}
            needs = [str(name) for name in answer["result"]["needs"]]
        return can, needs
    return CAN, needs  # each transcript says what is wrong


def _compare(number: int, expected: Any, got: Any) -> None:
    if not matches(expected, got):
        raise Wrong(number, json.dumps(expected), json.dumps(got))


def _heard(number: int, expected: Any, talk: Talk) -> dict[str, Any] | None:
    """The next message of a worker; None at the end of the stream."""
    try:
        return talk.message()
    except messages.NotAMessage as error:
        raise Wrong(number, json.dumps(expected), str(error)) from error
    except TimeoutError as error:
        raise Wrong(number, json.dumps(expected), "nothing, for as long as it had") from error
