"""KSR on the embedded host, beside what tests/kamailio/test_ksr_compared.py compares with a real Kamailio."""

from __future__ import annotations

from typing import Any

import pytest

from runner.errors import CallRefused
from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.ksr import FUNCTIONS
from runner.reviewed import ALLOWED
from tests.hosts.embedded.reading import MAIN, MESSAGE


def having(message: bytes = MESSAGE, *, is_6: bool = False) -> MessageHost:
    return MessageHost(message, received_on=MAIN, environment=Environment((MAIN,), kamailio="6.0" if is_6 else "5.6"))


def refusal(function: str, *arguments: Any) -> str:
    with pytest.raises(CallRefused) as refused:
        having().ksr(function, list(arguments))
    return str(refused.value)


def needs_kamailio(function: str) -> str:
    way = f"app-mono exec --in-kamailio; or say what it gives here: --answer {function}=VALUE"
    return f"KSR.{function} needs a running Kamailio: {way}"


def test_each_function_is_one_that_a_real_kamailio_has_and_may_be_called_there() -> None:
    assert FUNCTIONS.keys() <= ALLOWED


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        ("tm.t_relay", [], needs_kamailio("tm.t_relay")),
        ("siputils.is_sip", [], needs_kamailio("siputils.is_sip")),
        (
            "exec.exec_cmd",
            ["x"],
            "KSR.exec.exec_cmd is refused: it starts processes; the setting ksr_allow can allow it",
        ),
        ("no.such", [], "KSR.no.such is refused: it is not known here what it may do to the server"),
        ("pv.get", [1], "KSR.pv.get takes a text"),
        ("sl.send_reply", ["404", "No"], "KSR.sl.send_reply takes a number, a text"),
        ("is_INVITE", ["x"], "KSR.is_INVITE takes no argument"),
        ("setflag", [1 << 31], "argument 1 of KSR.setflag does not fit into 32 bits"),
        ("hdr.append", ["a\0"], "argument 1 of KSR.hdr.append has a NUL, which Kamailio cannot take"),
        ("hdr.get", ["X A"], "'X A' is no plain name of a header, which needs a running Kamailio"),
    ],
)
def test_what_it_cannot_answer_is_refused_with_a_sentence(function: str, arguments: list[Any], sentence: str) -> None:
    assert refusal(function, *arguments) == sentence


def test_bytes_that_are_no_utf_8_are_read_and_written() -> None:
    host = having(MESSAGE.replace(b"\r\n\r\n", b"\r\nX-L: caf\xe9\r\n\r\n", 1))

    assert host.ksr("hdr.get", ["X-L"]) == "caf\udce9"
    assert host.ksr("pv.sets", ["$var(x)", "\udcff"]) is True
    assert host.ksr("pv.get", ["$var(x)"]) == "\udcff"
    assert host.ksr("hdr.insert", ["X-M: \udcff\r\n"]) == 1
    assert host.message_bytes().split(b"\r\n")[1] == b"X-M: \xff"


def test_a_text_for_the_log_is_logged_with_its_level() -> None:
    host = having()

    for function, arguments in (("info", ["a"]), ("log", ["err", "b"]), ("log", ["odd", "c"]), ("xlog.xwarn", ["$rm"])):
        host.ksr(function, [*arguments])

    assert host.logs == [(2, "a"), (-1, "b"), (-1, "c"), (0, str(host.get_s("$rm")))]


def test_a_script_answers_the_request() -> None:
    host = having()

    assert host.ksr("sl.send_reply", [404, "Not Here"]) == 1
    assert host.replies[0].startswith(b"SIP/2.0 404 Not Here\r\n")


def test_a_message_can_be_dropped() -> None:
    host = having()
    assert not host.is_dropped

    assert host.ksr("set_drop", []) is None
    assert host.is_dropped


def test_what_6_has_as_well_is_answered_as_6_does() -> None:
    assert having(is_6=True).ksr("siputils.is_sip", []) == 1


def test_a_call_of_ksr_is_not_the_return_code_of_the_script() -> None:
    host = having()
    before = host.get_s("$rc")

    host.ksr("siputils.has_totag", [])

    assert host.get_s("$rc") == before
