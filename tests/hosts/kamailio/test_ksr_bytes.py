"""KSR.pv and KSR.hdr: the values of KEMI, with all bytes; tests/kamailio asks a real Kamailio for the same."""

from __future__ import annotations

import pytest

from tests.hosts.kamailio.ksr_rig import Rig, refusal


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("pv.get", None, None), ("pv.gete", None, ""), ("pv.getw", None, "<null>"), ("pv.get", 7, 7),
        ("pv.gete", "a", "a"), ("pv.getw", 0, 0),
    ],
)  # fmt: skip
def test_a_variable_has_the_value_of_kemi(function: str, value: object, expected: object) -> None:
    rig = Rig()
    rig.results["pv.get"] = value

    assert rig.host.ksr(function, ["$avp(a)"]) == expected


def test_a_default_stands_for_null() -> None:
    rig = Rig()
    rig.results["pv.get"] = None

    assert rig.host.ksr("pv.getvs", ["$avp(a)", "d"]) == "d"
    assert rig.host.ksr("pv.getvn", ["$avp(a)", 5]) == 5


def test_a_setter_gives_true_or_false() -> None:
    rig = Rig()
    rig.results["pv.sets"] = True

    assert rig.host.ksr("pv.sets", ["$var(a)", "b"]) is True


def test_a_variable_that_must_not_be_asked_for_has_no_value() -> None:
    rig = Rig()

    values = [rig.host.ksr(f"pv.{name}", ["$natsData"]) for name in ("get", "gete", "getw", "geti", "is_null")]

    asked = [call for call in rig.asked if call[0] != "log"]  # why is logged once a process
    assert (values, asked) == ([None, "", "<null>", 0, True], [])


def test_a_header_is_inserted_before_the_first_one() -> None:
    rig = Rig()

    assert rig.host.ksr("hdr.insert", ["X-A: b\r\n"]) == 1
    assert rig.asked == [("hdr.insert", "X-A: b\r\n")]


def test_a_header_that_is_not_utf_8_is_read_as_a_variable() -> None:
    rig = Rig()
    rig.results["hdr.get"] = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")
    rig.results["pv.get"] = "caf\udce9"

    assert rig.host.ksr("hdr.get", ["X-A"]) == "caf\udce9"
    assert ("pv.get", "$(hdr(X-A)[0])") in rig.asked
    assert "has no plain name" in refusal(rig, "hdr.get", "X(A")


def test_numbers_of_64_bits_are_read_and_written_where_kamailio_has_them() -> None:
    rig = Rig()
    assert refusal(rig, "pv.getl", "$var(a)") == "this Kamailio's pv has no function getl"

    vars(rig.host.pv).update(getl=lambda _: 1 << 40, setl=lambda *_: True)

    assert rig.host.ksr("pv.getl", ["$var(a)"]) == 1 << 40
    assert rig.host.ksr("pv.setl", ["$var(a)", -(1 << 63) + 1]) is True
    assert refusal(rig, "pv.setl", "$var(a)", 1 << 63) == "argument 2 of KSR.pv.setl does not fit into 64 bits"
