"""What Routing.cs decides, on the embedded host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = ROOT / "kamailio" / "Routing.cs"
TABLE = SOURCE.with_name("numbers.txt")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Settings(spare_workers=0, exec_timeout_s=10, allocate_timeout_s=10, observer="none")) as runner:
        yield runner


def host(number: str) -> MessageHost:
    return MessageHost(
        f"INVITE sip:{number}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
        f"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:{number}@example.com>\r\nCall-ID: 1\r\n"
        "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n".encode()
    )


def ask(runner: Runner, host: MessageHost, step: str) -> bool:
    result = runner.mono_exec(str(compile_script(SOURCE)), f"{step} {TABLE}", host=host)
    assert result.error is None
    return result.ok


@pytest.mark.parametrize(
    ("number", "code", "header"),
    [
        ("200", "302", "Contact: <sip:carol@example.org>\r\n"),
        ("300", "503", "Retry-After: 3600\r\n"),
        ("999", "404", ""),
    ],
)
def test_a_number_without_a_target_is_answered(runner: Runner, number: str, code: str, header: str) -> None:
    message = host(number)

    assert ask(runner, message, "request") is False

    assert message.get_s("$var(code)") == code
    assert "".join(message.reply_headers) == header


def test_each_target_is_tried_once_and_then_the_call_fails(runner: Runner) -> None:
    message = host("100")
    tried = []

    answers = []
    for step in ("request", "failure", "failure"):
        answers.append(ask(runner, message, step))
        tried.append(message.get_s("$du"))

    assert answers == [True, True, False]
    assert tried[:2] == ["sip:10.0.0.1:5060", "sip:10.0.0.2:5060"]
    assert message.get_s("$var(code)") == "503"
    assert b"X-Routed-By: Routing.cs\r\n" in message.message_bytes()
