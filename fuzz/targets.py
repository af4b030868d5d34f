"""
The targets of ``make fuzz``: ``python fuzz/targets.py NAME [options of libFuzzer]``.

Each target feeds one input to one part of the program, and accepts only that part's own errors.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import importlib.util
import json
import logging
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# With atheris' own library of both sanitizers, which has its fuzzer, too, and is loaded first (see Makefile).
SANITIZED = (
    *("-O1", "-g", "-fPIC", "-shared", "-nodefaultlibs", "-lc", str(Path(__file__).with_name("coverage.c"))),
    *("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-fno-sanitize=vptr"),
    *("-fsanitize-coverage=trace-pc,trace-cmp", "-fno-omit-frame-pointer"),
)
IN_C = ("lane", "exported", "at_once")  # targets


def take_lane_with_sanitizers() -> None:
    """Let the lane in C that is imported from now on be one that ends the process where it touches foreign memory."""
    building = importlib.import_module("runner.lane.building")
    folder = Path(__file__).parent.parent / "build" / "fuzz" / "lane-sanitized"
    folder.mkdir(parents=True, exist_ok=True)
    if reason := building.ensure(flags=SANITIZED, into=folder):
        sys.exit(reason)
    name, library = "runner.lane._lane", str(folder / building.LIBRARY)
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None  # noqa: S101  # its suffix is one of an extension
    sys.modules[name] = importlib.util.module_from_spec(spec)


IS_IN_C = sys.argv[1:2] in ([name] for name in IN_C)  # then the places reached in C count, and Python is left as it is
with contextlib.nullcontext() if IS_IN_C else atheris.instrument_imports(include=["runner"]):
    if IS_IN_C:
        take_lane_with_sanitizers()
    from runner import sip
    from runner.control.connection import Control, ControlError
    from runner.control.kinds import Malformed
    from runner.control.messages import Message
    from runner.control.status import Status
    from runner.errors import ConfigError, ProtocolViolation
    from runner.hosts.embedded.host import MessageHost
    from runner.hosts.embedded.pv.listing import find, form
    from runner.wire.session import State
    from tests.hostile_daemon import in_state, one_lease
    from tests.hostile_datagrams import one_datagram
    from tests.lane.hostile import one_call
    from tests.lane.hostile_runner import one_exec
    from tests.lane.turns import one_turn
    from tests.places import INVITE

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parent.parent / "tests" / "fuzz_corpus.jsonl"
NAMES = [form(variable).replace("(name)", "(Via)").replace("[i]", "[-1]") for variable in find()]
PARSED = sip.parse(INVITE)
MESSAGES: list[type[Message]] = [Status, *Message.__subclasses__()]


def message(data: bytes) -> None:
    """A datagram: it renders unchanged and every variable can be read, or an error names the place of the fault."""
    try:
        parsed = sip.parse(data)
    except sip.SipParseError as error:
        assert error.line >= 1  # noqa: S101 - what a fuzzer looks for
        assert error.column >= 1  # noqa: S101
        return
    assert bytes(parsed) == data  # noqa: S101
    host = MessageHost(parsed)
    for name in NAMES:
        host.get_s(name)
    for text in ("X: 1\r\n", "Via"):
        host.hdr_append(text)
        host.hdr_insert(text)
        host.hdr_remove(text)
    host.set_s("$rU", "bob")
    host.message_bytes()
    host.forwarded()
    host.reply(404, "Not Found")


def expression(data: bytes) -> None:
    """The name of a variable, as a script may write it, and a format string."""
    host = MessageHost(PARSED)
    name = data.decode("utf-8", "surrogateescape")
    host.get_s(name)
    host.get_i(name)
    host.is_null(name)
    host.set_s(name, "a")
    host.set_i(name, 1)
    host.unset(name)
    try:
        host.expand(name)
    except ConfigError:
        pass


def session(data: bytes) -> None:
    """Lines of a worker, in each state; in the last, two execs wait around the one that runs."""
    for state in (State.STARTING, State.IDLE, State.RUNNING, State.ASKED):
        talk = in_state(state)
        try:
            talk.receive(data[: len(data) // 2])
            if talk.can_nest:
                talk.exec("y", None)
            talk.receive(data[len(data) // 2 :])
        except ProtocolViolation:
            pass


def control(data: bytes) -> None:
    """Bytes of either end on the control socket, and what they are read as."""
    ours, theirs = socket.socketpair()
    reader = Control(ours)
    theirs.settimeout(0)
    try:
        theirs.send(data)
        theirs.close()
        while True:
            said = reader.receive(time.monotonic() + 1)
            for kind in MESSAGES:
                with contextlib.suppress(Malformed, ConfigError):
                    kind.read(said.get("params", said))
    except (ControlError, BlockingIOError):
        pass
    finally:
        theirs.close()
        reader.close()


def lease(data: bytes) -> None:
    """A client's exec, with a daemon and a worker that send these bytes."""
    one_lease(data)


def listener(data: bytes) -> None:
    """One datagram for the SIP listener, and the reply to what it forwards."""
    one_datagram(data)


def lane(data: bytes) -> None:
    """An exec in each lane, with these bytes as its values and as the worker's answer: they do the same."""
    one_turn(data)


def exported(data: bytes) -> None:
    """Execs of the function in C that app_python3 calls, with a Kamailio, a worker and a daemon that do anything."""
    one_call(data)


def at_once(data: bytes) -> None:
    """The common exec of a program, with a runner, a host and a worker that are anything."""
    one_exec(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (message, expression, session, control, lease, listener, lane, exported, at_once)
}


class Formats(logging.Handler):
    """A log handler that formats every record, as for a file, and discards it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record; an error here is a finding like any other."""
        record.getMessage()


def begin_with_what_was_kept(name: str, directories: list[str]) -> None:
    """Copy the kept inputs of a target to its first directory, from which it starts."""
    kept = [
        base64.b64decode(data) for kind, data in map(json.loads, CORPUS.read_text("ascii").splitlines()) if kind == name
    ]
    for number, data in enumerate(kept if directories else []):
        (Path(directories[0]) / f"kept-{number}").write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:  # noqa: PLR2004 - the name
        sys.exit(f"expected one of {', '.join(TARGETS)}")
    logging.getLogger("runner").addHandler(Formats())
    logging.getLogger("runner").propagate = False
    logging.getLogger("runner").setLevel(logging.DEBUG)
    begin_with_what_was_kept(sys.argv[1], [word for word in sys.argv[2:] if not word.startswith("-")])
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
