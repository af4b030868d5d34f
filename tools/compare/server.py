"""
A real Kamailio that plays cases: started, asked, and started again when a case crashed it.

Must not know what is right.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import select
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.kamailio.rig import MODULES, Kamailio
from tests.programs import until
from tools.compare.cases import KSR, NOT_ASKED, SOCKETS, Played
from tools.compare.peers import PORTS, Peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.compare.cases import Answer, Case, Step

HERE = Path(__file__).parent
PROBE = (
    b"OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKprobe;rport\r\n"
    b"From: <sip:p@127.0.0.1>;tag=p\r\nTo: <sip:p@127.0.0.1>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_LASTING = re.compile(r"^\$\(?(vn|vz|var|shv)\(([^()]*)\)")
_COUNTED = re.compile(r"\$\(?shvinc\(([^()]*)\)")
PATIENCE_S = 4.0  # a step takes microseconds; one that takes this hangs
START_S = 30.0
LOOK_S = 0.05  # how often a silent server is asked whether it is alive
PIPE_BYTES = 1 << 20


class Crashed(Exception):
    """The server died or hung; how many lines it had said is in ``lines``."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(f"the server crashed behind {lines[-1:]}")
        self.lines = lines


class Server:
    """
    One Kamailio with an engine that runs the player.

    Args:
        directory: Private to it.
        engine: The module that runs scripts.
        load: What the module is given to load.
        call: The engine's call in the configuration, ``{}`` for its text.
        env: Added to the server's environment.
    """

    def __init__(
        self, directory: Path, *, engine: str, load: Path, call: str, env: dict[str, str] | None = None
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._peers = Peers()
        self._directory = directory
        # No PATH: Mono would look for a debugger to run at a crash, and take seconds with it.
        self._env = {"TEXT": "env value", "EMPTY": "", "PATH": "", "MONO_CRASH_NOFILE": "1"} | (env or {})
        self._cfg = self._configuration(engine, load, call)
        self._answers = directory / "answers"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._answers)
        self._pipe = os.open(self._answers, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._read = b""
        self._kamailio: Kamailio | None = None
        self._children: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._peers.__exit__()
        os.close(self._pipe)

    def _configuration(self, engine: str, load: Path, call: str) -> str:
        text = (HERE / "kamailio.cfg").read_text("utf-8")
        for word, value in {
            "@PROBE@": call.format(f"probe {self._directory}"),
            "@PLAY@": call.format(f"play {self._directory}"),
            "@ENGINE@": engine,
            "@LOAD@": str(load),
            "@MODULES@": str(MODULES),
            "@DEBUG@": "-1",
        }.items():
            text = text.replace(word, value)
        return text

    def start(self) -> None:
        """Start a fresh process, after the end of the one before."""
        self.stop()
        self._drain()
        self._kamailio = Kamailio(self._cfg, self._directory, PORTS["main"], self._env)
        self._kamailio.__enter__()
        until(lambda: _bound() == set(SOCKETS), "both sockets are bound")
        self._children = self._kamailio.children()
        for socket in SOCKETS:
            self._probe(socket)
            try:
                self._until("probe", START_S)
            except Crashed:
                raise RuntimeError(f"Kamailio does not answer:\n{self._kamailio.log()[-3000:]}") from None

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._kamailio is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._kamailio.pid, signal.SIGKILL)
            self._kamailio.__exit__()
            with contextlib.suppress(ChildProcessError):
                while True:  # in a process namespace whatever it leaves is a child of this process, and killed
                    os.waitpid(-self._kamailio.pid, 0)
            self._kamailio = None
            until(lambda: not _bound(), "the children have ended as well")

    def send(self, case: Case) -> None:
        """Begin a case; ``collect`` gives what came of it."""
        if self._kamailio is None:
            self.start()
        self._peers.received()
        steps = (*case.steps, *clean_up(case.steps))
        lines = ["\t".join([str(step[0]), *map(_word, step[1:])]) for step in steps]
        (self._directory / "steps").write_text("".join(f"{line}\n" for line in lines), "ascii")
        self._peers.send(case.message, case.mode, case.socket)
        self._probe(case.socket)

    def collect(self, case: Case) -> Played:
        """What came of the case that was sent. The server has ended when it crashed."""
        try:
            lines = self._until("probe", PATIENCE_S)
            crashed_at = None
        except Crashed as crash:
            lines = crash.lines
            crashed_at = max(0, len(lines) - 1)
            self.stop()
        reached = lines[:1] == ["play"]
        answers = tuple(_answer(line) for line in lines[1 : len(case.steps) + 1] if line != "played")
        if crashed_at is not None:
            return Played(reached, answers, crashed_at=min(crashed_at, len(case.steps)))
        return Played(reached, answers, *sorted_out(case, self._peers.received()))

    def play(self, case: Case) -> Played:
        """Send, and collect."""
        self.send(case)
        return self.collect(case)

    def _probe(self, socket: str) -> None:
        self._peers.send(PROBE, "probe", socket)

    def _until(self, word: str, patience_s: float) -> list[str]:
        """The lines up to that word, without it; raises Crashed."""
        lines: list[str] = []
        silent_since = time.monotonic()
        while True:
            *whole, self._read = self._read.split(b"\n")
            for number, line in enumerate(whole):
                if line.decode("ascii") == word:
                    self._read = b"\n".join([*whole[number + 1 :], self._read])
                    return lines
                lines.append(line.decode("ascii"))
            ready, _, _ = select.select([self._pipe], [], [], LOOK_S)
            if ready:
                self._read += os.read(self._pipe, PIPE_BYTES)
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > patience_s or not self._is_whole():
                raise Crashed(lines)

    def _is_whole(self) -> bool:
        """False once a child has died; the main process takes seconds to end then."""
        return self._kamailio is not None and all(map(_is_running, self._children))

    def _drain(self) -> None:
        self._read = b""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._pipe, PIPE_BYTES):
                pass


def _word(argument: Answer) -> str:
    if argument is None:
        return "n"
    if isinstance(argument, int):
        return f"i{argument}"
    return "s" + base64.b64encode(argument.encode("utf-16-le", "surrogatepass")).decode("ascii")


def _answer(line: str) -> Answer:
    kind, text = line[:1], line[1:]
    match kind:
        case "n":
            return None
        case "i":
            return int(text)
        case "s":
            return base64.b64decode(text).decode("utf-16-le", "surrogatepass")
        case "-":
            return NOT_ASKED
    return f"raised {text}"


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # the second one: it ended between open and read
        return False


def _bound() -> set[str]:
    """Which of the server's sockets somebody holds."""
    table = Path("/proc/net/udp").read_text("ascii")
    return {name for name in SOCKETS if f":{PORTS[name]:04X} 00000000:0000 " in table}


def clean_up(steps: tuple[Step, ...]) -> Iterator[Step]:
    """What makes variables of the process, which the next case would find written, as they are in a fresh one."""
    written = [str(step[1]) for step in steps if str(step[0]) in {"PV.SetS", "PV.SetI", "PV.Unset"}]
    written += [f"$var({step[2]})" for step in steps if step[0] == KSR and str(step[1]).startswith("pvx.var_set")]
    for kind, name in dict.fromkeys(found for target in written for found in _LASTING.findall(target)):
        yield ("PV.Unset", f"${kind}({name})") if kind == "vn" else ("PV.SetI", f"${kind}({name})", 0)
    for name in dict.fromkeys(found for step in steps for found in _COUNTED.findall(str(step[1]))):
        yield ("PV.SetI", f"$shv({name})", 0)
    if any("rand_set_prob" in str(step[1]) for step in steps):
        yield ("KSR", "cfgutils.rand_reset_prob")
    if any("sbranch" in target for target in written):
        yield ("Core.ModF", "sbranch_reset")


def sorted_out(case: Case, datagrams: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What was sent on, and what was replied: a reply may come to the sink too, when a Via says so."""
    if not _is_request(case.message):
        return tuple(sorted(datagrams)), ()
    replies = tuple(data for data in datagrams if not _is_request(data))
    return tuple(data for data in datagrams if _is_request(data)), replies


def _is_request(message: bytes) -> bool:
    return not message.lstrip(b"\r\n").upper().startswith(b"SIP/2.0")
