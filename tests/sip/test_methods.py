"""The numbers of methods."""

from __future__ import annotations

from runner.sip.methods import METHOD_OTHER, method_number


def test_a_method_is_known_in_any_case_of_letters() -> None:
    assert [method_number(name) for name in (b"INVITE", b"bye", b"X", b"")] == [1, 8, METHOD_OTHER, METHOD_OTHER]
