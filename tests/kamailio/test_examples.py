"""The worked examples under kamailio/, each in a real Kamailio with a real daemon, its scripts compiled from source."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module
from tests.places import ROOT
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = ROOT / "kamailio"
SETTINGS = "spare_workers = 0\nexec_timeout_s = 6.0\nallocate_timeout_s = 20.0\nmax_workers = 12"


class Site:
    """One example as an administrator installs it, with this machine's paths and ports."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self.port = free_udp_port()
        self.daemon = stack.enter_context(RunningDaemon(directory, SETTINGS))

    def install(self, source: Path) -> None:
        """Compile one script into the directory of scripts."""
        script = self.daemon.scripts / f"{source.stem}.exe"
        script.write_bytes(compile_script(source).read_bytes())

    def start(self, name: str) -> Peer:
        """Start Kamailio with an example; gives a caller."""
        cfg = (EXAMPLES / name).read_text(encoding="utf-8")
        lines = ["disable_tcp=yes", "dns=no", "rev_dns=no", "auto_aliases=no", "log_stderror=yes"]
        cfg = cfg.replace("listen=udp:127.0.0.1:5060", f"listen=udp:127.0.0.1:{self.port}\n" + "\n".join(lines))
        cfg = cfg.replace('"fr_timer", 2000', '"fr_timer", 30000')  # the phones of these tests are processes
        # A file of the site imports app_mono from where both lie, so each has to be installed, not named elsewhere.
        installed = self._directory / "installed"
        installed.mkdir()
        for path in EXAMPLES.glob("*.*"):
            text = path.read_text(encoding="utf-8").replace("/etc/kamailio/mono", str(self.daemon.scripts))
            (installed / path.name).write_text(text, encoding="utf-8")
        (installed / "runner").symlink_to(ROOT / "runner")
        cfg = cfg.replace("/usr/share/app-mono/kamailio", str(installed))
        cfg = cfg.replace("/etc/kamailio/mono", str(self.daemon.scripts))
        env = {"APP_MONO_CONFIG": str(self.daemon.config)}
        self.kamailio = self._stack.enter_context(Kamailio(cfg, self._directory / "kamailio", self.port, env))
        return self._stack.enter_context(Peer(self.port))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def status(message: bytes | None) -> str:
    assert message is not None
    return message.split(b"\r\n")[0].decode().removeprefix("SIP/2.0 ")


def head(message: bytes | None) -> list[str]:
    assert message is not None
    return message.decode().split("\r\n")


def final(peer: Peer) -> bytes:
    """The next final reply, behind provisional ones."""
    while True:
        reply = peer.receive(WAIT_S)
        assert reply is not None
        if not reply.startswith(b"SIP/2.0 1"):
            return reply


@pytest.mark.parametrize(
    "name",
    [
        "minimal.cfg",
        "kemi.cfg",
        pytest.param(
            "lua_routing.cfg",
            marks=pytest.mark.skipif(not has_module("app_lua"), reason="needs Debian's kamailio-lua-modules"),
        ),
    ],
)
def test_an_example_asks_the_sample_of_the_manual(site: Site, name: str) -> None:
    site.install(ROOT / "examples" / "MySRTest.cs")
    peer = site.start(name)

    reply = peer.ask(peer.request(), WAIT_S)

    # The sample returns 1, which is false; its reply header shows that it ran.
    assert status(reply) == "404 Not Found"
    assert "My-Mono-Hdr: ok" in head(reply), site.kamailio.log()


def answered(peer: Peer, number: str) -> bytes:
    peer.send(peer.request("INVITE", f"sip:{number}@127.0.0.1:{peer.port}", call_id=f"call-{number}"))
    return final(peer)


@pytest.mark.parametrize(
    ("number", "line", "header"),
    [
        ("200", "302 Moved Temporarily", "Contact: <sip:carol@example.org>"),
        ("300", "503 Service Unavailable", "Retry-After: 3600"),
        ("999", "404 Not Found", "Content-Length: 0"),
    ],
)
def test_routing_answers_a_number_without_a_target(site: Site, number: str, line: str, header: str) -> None:
    site.install(EXAMPLES / "Routing.cs")
    (site.daemon.scripts / "numbers.txt").write_bytes((EXAMPLES / "numbers.txt").read_bytes())
    peer = site.start("routing.cfg")

    reply = answered(peer, number)

    assert status(reply) == line
    assert header in head(reply)


def reply_to(request: bytes | None, line: str) -> bytes:
    """A reply that a phone would give."""
    kept = [text for text in head(request)[1:] if text.partition(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}]
    kept = [f"{text};tag=phone" if text.startswith("To:") else text for text in kept]
    return "\r\n".join([f"SIP/2.0 {line}", *kept, "Content-Length: 0", "", ""]).encode()


def test_routing_tries_the_next_target_when_one_fails(site: Site) -> None:
    site.install(EXAMPLES / "Routing.cs")
    with Peer(site.port) as first, Peer(site.port) as second:
        targets = " ".join(f"sip:127.0.0.1:{peer.port}" for peer in (first, second))
        (site.daemon.scripts / "numbers.txt").write_text(f"100 to {targets}\n", encoding="utf-8")
        caller = site.start("routing.cfg")

        caller.send(caller.request("INVITE", "sip:100@example.com"))
        at_first = first.receive(WAIT_S)
        first.send(reply_to(at_first, "503 Out Of Order"))
        at_second = second.receive(WAIT_S)
        second.send(reply_to(at_second, "200 OK"))
        reply = final(caller)

    assert "X-Routed-By: Routing.cs" in head(at_first)
    assert any(line.startswith("Record-Route:") for line in head(at_first))
    assert head(at_second)[0] == "INVITE sip:100@example.com SIP/2.0"
    assert status(reply) == "200 OK"


def test_without_the_daemon_a_call_is_answered_503(site: Site) -> None:
    site.install(EXAMPLES / "Routing.cs")
    peer = site.start("routing.cfg")
    site.daemon.kill()

    assert status(answered(peer, "100")) == "503 Routing Unavailable"
