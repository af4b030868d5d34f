"""The routing scripts of docs/kemi.md: what they log without a server is what they log in a real Kamailio."""

from __future__ import annotations

import json
import re
import shlex
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.commands import app_mono
from tests.kamailio.kemi_site import ENGINES, Site
from tests.kamailio.rig import KAMAILIO
from tests.places import MESSAGE, ROOT
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "kemi.md").read_text("utf-8")
SOURCE = PAGE.partition("```csharp\n")[2].partition("```")[0]
SECTION = PAGE.partition("\n## Without a server\n")[2].partition("\n## ")[0]
SHOWN = re.compile(r"    app-mono (?P<words>exec .*?)\n\n(?P<told>(?:    [^\n]*\n)+)", re.DOTALL)
LOGGED = re.compile(r" sr_kemi_core_log\(\): (?!app_mono: )(.*)")
ANSWERS = ("maxfwd.process_maxfwd=1", "tm.t_on_failure=1", "tm.t_relay=1")

needs_kamailio = pytest.mark.skipif(not KAMAILIO, reason="needs kamailio: make test installs it")


def logged_there(site: Site) -> list[str]:
    """The lines of the script in Kamailio's log."""
    return LOGGED.findall(site.kamailio.log())


def ran_here(script: Path, entry: str, message: str, *answers: str) -> dict[str, Any]:
    """What one run without a server gave, as --json says it."""
    given = [word for answer in answers for word in ("--answer", answer)]
    done = app_mono("exec", script, "--entry", entry, "-m", "-", "--json", *given, stdin=message.encode())
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def lines(value: dict[str, Any]) -> list[str]:
    return [each["text"].rstrip("\n") for each in value["logs"]]


def busy(invite: bytes) -> bytes:
    """A phone's answer to a request."""
    head = invite.decode().split("\r\n")
    kept = [line for line in head if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
    to = next(line for line in head if line.startswith("To:"))
    return "\r\n".join(["SIP/2.0 486 Busy Here", *kept, f"{to};tag=b1", "Content-Length: 0", "", ""]).encode()


def test_the_commands_of_the_page_show_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "Route.cs").write_text(SOURCE, "utf-8")

    for found in list(SHOWN.finditer(SECTION))[:2]:
        words = [
            {"Route.cs": str(tmp_path / "Route.cs"), "examples/messages/invite.sip": str(MESSAGE)}.get(word, word)
            for word in shlex.split(found["words"].replace("\\\n", " "))
        ]
        done = app_mono(*words)
        assert done.returncode == 0, done.stderr
        for line in found["told"].splitlines():
            assert line.strip() in done.stdout, done.stdout


@needs_kamailio
def test_the_worked_example_logs_here_what_it_logs_in_a_real_kamailio(tmp_path: Path) -> None:
    message = MESSAGE.read_text("utf-8")
    source = tmp_path / "Route.cs"
    with ExitStack() as stack:
        phone = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(WAIT_S)
        source.write_text(SOURCE.replace("5070", str(phone.getsockname()[1])), "utf-8")
        site = Site(ENGINES["C#"], tmp_path / "site", stack, source)
        answered = [site.asked("INVITE", f"sip:{user}@example.com") for user in ("dave", "oops")]
        site.send("INVITE", "sip:bob@example.com")
        invite, kamailio = phone.recvfrom(65536)
        phone.sendto(busy(invite), kamailio)
        until(lambda: logged_there(site), "the failure route has logged")
        there, whole = logged_there(site), site.kamailio.log()

    routed = {
        user: ran_here(source, "ksr_request_route", message.replace("bob@", f"{user}@"), *ANSWERS)
        for user in ("dave", "oops", "bob")
    }
    failed = ran_here(source, routed["bob"]["armed"]["tm.t_on_failure"], message, "pv.get=486")

    assert there == [line for value in (*routed.values(), failed) for line in lines(value)]
    assert there == ["bob has not taken the call: 486"]
    assert answered == ["404 Not Found", "500 Server Internal Error"]
    assert "System.Exception: on purpose" in whole
    assert "System.Exception: on purpose" in routed["oops"]["error"]


@needs_kamailio
def test_the_registrar_logs_here_what_it_logs_in_a_real_kamailio(tmp_path: Path) -> None:
    registrar, wrong = ROOT / "kamailio" / "Registrar.cs", "CSeq: 1 BYE\r\n"
    with ExitStack() as stack:
        site = Site(ENGINES["C#"], tmp_path / "site", stack)
        reply = site.asked("INVITE", "sip:bob@example.com", wrong)
        foreign = site.asked("INVITE", "sip:bob@example.com")
        there = logged_there(site)

    answers = ("set_reply_no_connect=true", "force_rport=true", "maxfwd.process_maxfwd=1")
    message = re.sub(r"CSeq: .*\r\n", wrong, MESSAGE.read_bytes().decode())
    value = ran_here(registrar, "ksr_request_route", message, *answers, "sanity.sanity_check=-1")

    assert (reply or "").startswith("400 ")
    assert foreign == "403 Not relaying"
    at_port = re.compile(r":\d+$")
    assert [at_port.sub("", line) for line in there] == [at_port.sub("", line) for line in lines(value)]
    assert there[0].startswith("malformed SIP request from 127.0.0.1:")
