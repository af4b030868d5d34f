"""What the embedded host answers to KSR is what a real Kamailio answers, call by call on the same message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import CallRefused
from runner.hosts.embedded import ksr
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from tests.kamailio.modf_rig import REQUESTS, Caller
from tests.kamailio.rig import KAMAILIO, has_module
from tests.kamailio.routes import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed: make test installs it")

Call = tuple[str, "Sequence[Any]"]
NAMES = (
    "$ru",
    "$rU",
    "$fU",
    "$rp",
    "$cl",
    "$hdr(X-None)",
    "$var(a)",
    "$avp(a)",
    "$rb",
    "$(ru{s.len})",
    "ru",
    "$none",
    "",
)
HEADERS = ("Via", "v", "From", "Contact", "Route", "Max-Forwards", "X-None", "Content-Length", "CSeq", "m")
OTHERS: list[Call] = [
    *[(f"pv.{function}", [name]) for name in NAMES for function in ("get", "gete", "getw", "geti", "is_null")],
    *[("pv.getvs", [name, "d"]) for name in NAMES],
    *[("pv.getvn", [name, 7]) for name in NAMES],
    *[("pv.sets", [name, value]) for name in NAMES for value in ("12", "")],
    *[("pv.seti", [name, 5]) for name in NAMES],
    *[(f"pv.{function}", [name]) for name in NAMES for function in ("get", "geti", "is_null")],
    *[("pv.unset", [name]) for name in ("$var(a)", "$avp(a)", "$du", "$none")],
    *[(f"hdr.{function}", [name]) for name in HEADERS for function in ("get", "gete", "getw", "is_present")],
    *[("hdr.get_idx", [name, index]) for name in HEADERS for index in (0, 1, -1, -2)],
    *[
        ("hdr.match_content", [name, operator, value, which])
        for name in ("Max-Forwards", "Via", "X-None")
        for operator in ("eq", "NE", "sw", "in", "re", "")
        for value in ("70", "sip", "")
        for which in ("f", "l", "a", "o", "x", "")
    ],
    *[("is_method", [name]) for name in ("INVITE", "options", "", "X")],
    *[("is_method_in", [letters]) for letters in ("I", "ioR", "", "Q", "S")],
    *[("is_src_port", [port]) for port in (0, 5060)],
    *[(f"{what}{kind}flag{end}", [flag]) for kind in ("", "s") for flag in (0, 3, 31, 32, -1)
      for what, end in (("is", "set"), ("set", ""), ("is", "set"), ("reset", ""), ("is", "set"))],
    ("setdsturi", ["sip:127.0.0.1:9"]),
    ("kx.get_duri", []),
    ("setuser", ["carol"]),
    ("sethost", ["h.example"]),
    ("kx.get_ruri", []),
    ("seturi", ["sip:dave@d.example"]),
    ("kx.get_ruser", []),
    ("hdr.append", ["X-A: 1\r\n"]),
    ("hdr.insert", ["X-B: 2\r\n"]),
    ("hdr.append_after", ["X-C: 3\r\n", "To"]),
    ("hdr.append_after", ["X-D: 4\r\n", "X-None"]),
    ("hdr.insert_before", ["X-E: 5\r\n", "To"]),
    ("hdr.insert_before", ["X-F: 6\r\n", "X-None"]),
    ("hdr.remove", ["Max-Forwards"]),
    ("hdr.rmappend", ["CSeq", "CSeq: 7 OPTIONS\r\n"]),
    ("hdr.rminsert", ["X-None", "X-G: 7\r\n"]),
    ("textopsx.msg_apply_changes", []),
    *[("hdr.get", [f"X-{letter}"]) for letter in "ABCDEFG"],
    ("hdr.get", ["Max-Forwards"]),
    ("xlog.xinfo", ["$rU $none"]),
    ("xlog.xinfo", ["$(ru"]),
    ("xlog.xerr", ["no variable"]),
    ("info", ["x\n"]),
]  # fmt: skip


def calls() -> list[Call]:
    """Every function that takes nothing and only reads, then the others, in an order that lets them see each other."""
    silent = [name for name, has in ksr.FUNCTIONS.items() if not has.parameters and not has.since_6]
    timed = "kx.get_timestamp"
    acting = (
        timed,
        "set_drop",
        "sl.",
        "cfgutils.rand_event",
        "textopsx.",
        "tm.",
        "corex.append",
        "rr.",
        "pvx.",
        "siputils.options",
        "textops.set",
    )
    return [(name, []) for name in silent if not name.startswith((*acting, "siputils.decode"))] + OTHERS


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    place = tmp_path_factory.mktemp("compared")
    beside = ("kemix", "corex", "sdpops", "sanity", "cfgutils")
    with Caller("pv", place, method="answers", script=HERE / "calls_ksr.py", beside=beside) as caller:
        yield caller


@pytest.mark.parametrize("request_", REQUESTS)
def test_both_answer_the_same(caller: Caller, request_: str, tmp_path: Path) -> None:
    steps, asked = tmp_path / "steps", [("pv.get", [name]) for name in ("$mb", "$si", "$sp", "$Ri", "$Rp")]
    steps.write_text(json.dumps([*asked, *calls()]), "ascii")

    count = caller.call(str(steps), request_)
    assert count is not None, (caller.kamailio.directory / "last").read_text("ascii")
    real = json.loads(steps.with_suffix(".answers").read_text("ascii"))
    message, ip, port, own_ip, own_port = real[: len(asked)]
    own = Socket(Address(own_ip, own_port))
    environment = Environment((own,), kamailio="5.6" if has_module("app_mono") else "6.0")
    host = MessageHost(message.encode(), source=Address(ip, port), received_on=own, environment=environment)
    ours = [_answer(host, *call) for call in calls()]

    different = [
        (call, was, is_)
        for call, was, is_ in zip(calls(), real[len(asked) :], ours, strict=True)
        if (was, type(was)) != (is_, type(is_))
    ]
    assert different == []  # call, Kamailio's answer, ours


def _answer(host: MessageHost, function: str, arguments: Sequence[str | int]) -> object:
    try:
        return host.ksr(function, [*arguments])
    except CallRefused as error:
        return {"refused": str(error)}
