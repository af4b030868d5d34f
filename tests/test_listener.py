"""The SIP listener on a real socket: sipp, a phone's and a proxy's datagrams, and what a typing person meets."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from runner import compile_script
from tests import warm
from tests.kamailio.rig import Peer, free_udp_port
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import COMMAND, ENVIRONMENT, app_mono, compiled
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE = "static int Main() { return 0; }"


class RunningListener:
    """``app-mono serve --sip`` on a free port of 127.0.0.1. With one worker it takes one datagram after the other."""

    def __init__(
        self,
        directory: Path,
        script: Path,
        *options: str,
        timeout_s: float = 10,
        workers: int = 4,
        ip: str = "127.0.0.1",
    ) -> None:
        self.port = free_udp_port()
        config = directory / "listener.toml"
        sizes = f"max_workers = {workers}\nallocate_timeout_s = 10\n"
        config.write_text(f"exec_timeout_s = {timeout_s}\n{sizes}", encoding="utf-8")
        self._log = directory / "listener.log"
        self._command = [*COMMAND, "serve", "--sip", f"udp:{ip}:{self.port}", "--exec", str(script)]
        self._command += ["--config", str(config), *options]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = warm.start(self._command, env=ENVIRONMENT, stdout=log.fileno(), stderr=log.fileno())
        until(lambda: "listening on" in self.log() or self._process.poll() is not None, "it listens")
        assert self._process.poll() is None, self.log()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; the exit status."""
        self._process.send_signal(number)
        try:
            return self._process.wait(WAIT_S)
        finally:
            self._process.kill()
            self._process.wait()

    def children(self) -> list[int]:
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def log(self) -> str:
        return self._log.read_text("utf-8")

    def counts(self) -> dict[str, int]:
        """What it says at its end."""
        last = [line for line in self.log().splitlines() if " requests" in line][-1]
        return {name: int(number) for number, name in re.findall(r"(\d+) ([a-z ]+)", last)}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listening(
    stack: ExitStack, directory: Path, body: str, *options: str, timeout_s: float = 10, workers: int = 4
) -> RunningListener:
    script = compiled(directory, "Decides", body)
    return stack.enter_context(RunningListener(directory, script, *options, timeout_s=timeout_s, workers=workers))


def first_line(message: bytes | None) -> str:
    assert message is not None
    return message.partition(b"\r\n")[0].decode()


def test_sipp_sees_every_request_answered(tmp_path: Path, stack: ExitStack) -> None:
    body = 'static int Main() { HDR.AppendToReply("X-Script: ran\\r\\n"); return 0; }'
    listener = listening(stack, tmp_path, body, "--on-true", "reply:200:OK")

    with Sipp("options", listener.port, 500, 100, tmp_path) as sipp:
        pass

    assert (sipp.counts().successful, sipp.counts().failed) == (500, 0)


def test_sipp_sets_up_and_ends_calls(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE, "--on-true", "reply:200:OK")

    with Sipp("invite", listener.port, 100, 50, tmp_path) as sipp:
        pass

    assert (sipp.counts().successful, sipp.counts().failed) == (100, 0)
    assert listener.stop() == 0
    assert listener.counts()["requests"] >= 300
    # An ACK has no answer, and is sent again where an answer comes twice.
    unanswered = listener.counts()["requests"] - listener.counts()["answered"]
    assert 100 <= unanswered <= 100 + sipp.counts().retransmitted


def test_the_example_looks_a_number_up_and_redirects(tmp_path: Path, stack: ExitStack) -> None:
    examples = ROOT / "examples"
    options = ("--param", str(examples / "numbers.txt"), "--on-false", "reply:$var(code):$var(reason)")
    listener = stack.enter_context(RunningListener(tmp_path, examples / "NumberLookup.cs", *options))

    with Sipp("redirect", listener.port, 100, 50, tmp_path) as sipp:
        pass
    with Peer(listener.port) as peer:
        unknown = peer.ask(peer.request("INVITE", "sip:nobody@example.com"))

    assert (sipp.counts().successful, sipp.counts().failed) == (100, 0)
    assert first_line(unknown) == "SIP/2.0 404 Not Found"


def test_calls_go_on_while_the_script_is_replaced(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE, "--on-true", "reply:200:OK")

    with Sipp("options", listener.port, 500, 100, tmp_path) as sipp:
        for number in range(5):
            compiled(tmp_path, "Decides", f"static int Main() {{ return {number} * 0; }}")

    assert (sipp.counts().successful, sipp.counts().failed) == (500, 0)


def test_a_saved_source_is_live_and_one_that_does_not_compile_changes_nothing(tmp_path: Path, stack: ExitStack) -> None:
    source = tmp_path / "Says.cs"
    text = 'class Says {{ static int Main() {{ SR.HDR.AppendToReply("X-Build: {}\\r\\n"); return 0; }} }}'
    source.write_text(text.format("one"), encoding="utf-8")
    listener = stack.enter_context(RunningListener(tmp_path, source, "--on-true", "reply:200:OK"))
    peer = stack.enter_context(Peer(listener.port))

    def build() -> bytes:
        reply = peer.ask(peer.request(), WAIT_S)
        assert reply is not None
        return next(line for line in reply.split(b"\r\n") if line.startswith(b"X-Build"))

    before = build()
    source.write_text("class Says {", encoding="utf-8")
    broken = build()
    source.write_text(text.format("three"), encoding="utf-8")
    until(lambda: build() == b"X-Build: three", "the saved source is live")

    assert (before, broken) == (b"X-Build: one", b"X-Build: one")
    assert "Says.cs:1" in listener.log()


SETS_DU = 'static int Main(string[] a) { PV.SetS("$du", a[0]); HDR.Append("X-Seen: yes\\r\\n"); return 0; }'


def test_a_request_is_forwarded_and_its_reply_comes_back(tmp_path: Path, stack: ExitStack) -> None:
    phone = stack.enter_context(Peer(9))
    script = compiled(tmp_path, "Decides", SETS_DU)
    listener = stack.enter_context(RunningListener(tmp_path, script, "--param", f"sip:127.0.0.1:{phone.port}"))
    caller = stack.enter_context(Peer(listener.port))

    caller.send(caller.request("INVITE"))
    arrived = phone.receive()
    caller.send(caller.request("INVITE"))  # sent again, as after T1
    again = phone.receive()
    caller.send(caller.request("CANCEL"))
    cancel = phone.receive()
    assert arrived is not None
    assert cancel is not None
    head, _, rest = arrived.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    kept = [line for line in lines[1:] if line.partition(b":")[0] in {b"Via", b"From", b"To", b"Call-ID", b"CSeq"}]
    reply = b"\r\n".join([b"SIP/2.0 180 Ringing", *kept, b"Content-Length: 0", b"", b""])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(reply, ("127.0.0.1", listener.port))
    back = caller.receive()

    assert lines[0] == b"INVITE sip:bob@example.com SIP/2.0"
    assert lines[1].startswith(b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK" % listener.port)
    assert b"Max-Forwards: 69" in lines
    assert b"X-Seen: yes" in lines
    assert rest == b""
    assert again == arrived
    assert cancel.split(b"\r\n")[1] == lines[1]
    assert back is not None
    assert first_line(back) == "SIP/2.0 180 Ringing"
    assert back.count(b"Via:") == 1


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("sip:example.com", "SIP/2.0 478 Unresolvable destination (478/SL)"),
        ("sip:127.0.0.1:{port}", "SIP/2.0 404 Not Found"),
    ],
)
def test_what_cannot_be_forwarded_is_answered(tmp_path: Path, stack: ExitStack, target: str, line: str) -> None:
    listener = listening(stack, tmp_path, TRUE)
    caller = stack.enter_context(Peer(listener.port))

    assert first_line(caller.ask(caller.request(uri=target.format(port=listener.port)))) == line


def test_a_request_without_hops_left_is_not_forwarded(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE)
    caller = stack.enter_context(Peer(listener.port))
    request = caller.request(uri="sip:127.0.0.1:9").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")

    assert first_line(caller.ask(request)) == "SIP/2.0 483 Too Many Hops"


def test_the_scripts_own_reply_is_the_answer(tmp_path: Path, stack: ExitStack) -> None:
    body = 'static int Main() { HDR.AppendToReply("X-Why: tired\\r\\n"); return Core.ModF("sl_reply_error") - 1; }'
    listener = listening(stack, tmp_path, body)
    caller = stack.enter_context(Peer(listener.port))

    reply = caller.ask(caller.request())

    assert first_line(reply) == "SIP/2.0 500 I'm terribly sorry, server error occurred (1/SL)"
    assert b"\r\nX-Why: tired\r\n" in (reply or b"")
    assert caller.receive(0.3) is None


def test_false_is_answered_as_set_and_an_invalid_code_is_500(tmp_path: Path, stack: ExitStack) -> None:
    body = 'static int Main() { PV.SetS("$var(code)", PV.GetS("$rU")); return 1; }'
    listener = listening(stack, tmp_path, body, "--on-false", "reply:$var(code):No $rU")
    caller = stack.enter_context(Peer(listener.port))

    answers = [first_line(caller.ask(caller.request(uri=f"sip:{user}@example.com"))) for user in ("486", "100", "x")]

    assert answers == ["SIP/2.0 486 No 486", "SIP/2.0 500 Server Internal Error", "SIP/2.0 500 Server Internal Error"]
    assert listener.log().count("expected a code from 200 to 699 and a reason, got") == 2
    assert listener.stop() == 0
    assert [listener.counts()[name] for name in ("answered", "failed replies", "dropped")] == [1, 2, 0]


def test_an_exception_names_the_source_on_lines_of_its_own(tmp_path: Path, stack: ExitStack) -> None:
    """It named the cached assembly, twice, with a literal \\n between the lines."""
    source = tmp_path / "W.cs"
    source.write_text('class W { static int Main() { throw new System.Exception("boom"); } }', encoding="utf-8")
    listener = stack.enter_context(RunningListener(tmp_path, source))
    caller = stack.enter_context(Peer(listener.port))

    assert first_line(caller.ask(caller.request(), WAIT_S)) == "SIP/2.0 403 Forbidden"

    told = listener.log().splitlines()[1:]
    assert told[0] == f"error: {source}: System.Exception: boom"
    assert told[1].startswith("    at W.Main () ")


def test_a_missing_port_is_shown_as_the_one_that_is_taken(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Decides", TRUE)
    command = [*COMMAND, "serve", "--sip", "udp:127.77.0.1", "--exec", str(script)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as listener:
        assert listener.stderr is not None
        told = listener.stderr.readline()
        listener.send_signal(signal.SIGINT)

    assert told.startswith("listening on udp:127.77.0.1:5060, ")


def test_a_script_that_hangs_is_false_at_its_deadline(tmp_path: Path, stack: ExitStack) -> None:
    body = 'static int Main() { while (PV.GetS("$rU") == "loop") { } return 0; }'
    listener = listening(stack, tmp_path, body, "--on-true", "reply:200:OK", timeout_s=6)
    caller = stack.enter_context(Peer(listener.port))

    first = caller.ask(caller.request(), WAIT_S)  # a first run that hangs would be left to finish for a while
    hung = caller.ask(caller.request(uri="sip:loop@example.com"), WAIT_S)
    good = caller.ask(caller.request(), WAIT_S)

    assert first_line(first) == "SIP/2.0 200 OK"
    assert first_line(hung) == "SIP/2.0 403 Forbidden"
    assert first_line(good) == "SIP/2.0 200 OK", listener.log()
    assert "it was not done in time" in listener.log()


def test_noise_is_logged_and_harmless(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE, "--on-true", "reply:200:OK", workers=1)
    caller = stack.enter_context(Peer(listener.port))

    for noise in (b"", b"\r\n\r\n", b"\0\0\0\0", os.urandom(500), b"INVITE sip:x SIP/2.0\r\n\r\n", b"x" * 60000):
        caller.send(noise)
    foreign = caller.request().partition(b"\r\n")[2]
    caller.send(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n" + foreign)
    reply = caller.ask(caller.request())

    assert first_line(reply) == "SIP/2.0 200 OK"
    assert "no SIP message: line 1, column" in listener.log()
    assert listener.stop() == 0
    counts = listener.counts()
    assert (counts["requests"], counts["answered"], counts["malformed"]) == (1, 1, 3)
    assert (counts["foreign replies"], counts["dropped"]) == (1, 0)


def test_what_kamailio_drops_is_dropped_silently_and_counted(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE, "--on-true", "reply:200:OK", workers=1)
    caller = stack.enter_context(Peer(listener.port))
    good = caller.request()

    for header in (b"From", b"To", b"Call-ID", b"CSeq"):
        caller.send(re.sub(rb"\r\n" + header + rb": [^\r]*", b"", good))
    caller.send(good.replace(b" OPTIONS\r\n", b" OPTIONS x\r\n"))
    caller.send(good.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1))

    assert first_line(caller.ask(b"\r\n\r\n" + good)) == "SIP/2.0 200 OK"
    assert caller.receive(0.3) is None
    assert listener.stop() == 0
    assert [listener.counts()[name] for name in ("requests", "answered", "malformed", "dropped")] == [1, 1, 6, 0]
    assert "warning" not in listener.log()


def test_a_message_that_its_script_has_dropped_goes_nowhere(tmp_path: Path, stack: ExitStack) -> None:
    main = 'static int Main() { if (PV.GetS("$ci") == "dropped") { KSR.set_drop(); } return 0; }'
    source, script = tmp_path / "Drops.cs", tmp_path / "Drops.exe"
    source.write_text(f"using SR; public static class Drops {{ public {main} }}", "utf-8")
    script.write_bytes(compile_script(source).read_bytes())
    listener = stack.enter_context(RunningListener(tmp_path, script, "--on-true", "reply:200:OK", workers=1))
    caller = stack.enter_context(Peer(listener.port))

    caller.send(caller.request(call_id="dropped"))
    answer = caller.ask(caller.request(call_id="answered"))

    assert b"Call-ID: answered" in (answer or b"")
    assert listener.stop() == 0
    assert [listener.counts()[name] for name in ("requests", "answered", "dropped")] == [2, 1, 1]


def test_ctrl_c_and_term_end_it_with_its_workers(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Decides", TRUE)
    for number in (signal.SIGINT, signal.SIGTERM):
        with RunningListener(tmp_path, script) as listener:
            workers = listener.children()
            began = time.monotonic()
            assert listener.stop(number) == 0
            assert workers
            assert time.monotonic() - began < WAIT_S
            proc = [Path(f"/proc/{pid}") for pid in workers]
            until(lambda left=proc: not any(path.exists() for path in left), "no worker is left")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--sip", "tcp:127.0.0.1:5060"), "expected udp:IP:PORT"),
        (("--sip", "udp:0.0.0.0:5060"), "expected one address of this machine"),
        (("--sip", "udp:192.0.2.1:5060", "--exec", "SCRIPT"), "--sip udp:192.0.2.1:5060: "),
        (("--sip", "udp:127.0.0.1:5060"), "say what runs for each request"),
        (("--sip", "udp:127.0.0.1:5060", "--exec", "/nowhere/x.cs"), "there is no such script"),
        (("--sip", "udp:127.0.0.1:5060", "--exec", "SCRIPT", "--on-true", "reply:99:x"), "on_true: expected"),
        (
            ("--sip", "udp:127.0.0.1:5060", "--exec", "SCRIPT", "--on-false", "reply:$nosuch:x"),
            "on_false: '$nosuch' is no valid format string: unknown pseudo-variable $nosuch",
        ),
        (("--sip", "udp:127.0.0.1:5060", "--exec", "SCRIPT", "--on-true", "reply:200:$nosuch"), "on_true: '$nosuch'"),
        (("--sip", "udp:127.0.0.1:5060", "--exec", "SCRIPT", "--param", "$nosuch"), "'$nosuch' is no valid"),
        (("--exec", "SCRIPT"), "--exec has a meaning with --sip only"),
        ((), "say what to serve"),
    ],
)
def test_options_that_cannot_be_served_are_refused_with_the_reason(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    script = compiled(tmp_path, "Decides", TRUE)

    done = app_mono("serve", *(str(script) if word == "SCRIPT" else word for word in options))

    assert done.returncode == 2
    assert told in " ".join(done.stderr.split()), done.stderr


def test_ipv6(tmp_path: Path, stack: ExitStack) -> None:
    script = compiled(tmp_path, "Decides", 'static int Main() { return PV.GetS("$si") == "::1" ? 0 : 1; }')
    listener = stack.enter_context(RunningListener(tmp_path, script, "--on-true", "reply:200:OK", ip="[::1]"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        sock.settimeout(WAIT_S)
        with Peer(listener.port) as peer:
            request = peer.request().replace(b"127.0.0.1", b"[::1]")
        sock.sendto(request, ("::1", listener.port))

        assert first_line(sock.recv(65535)) == "SIP/2.0 200 OK"
