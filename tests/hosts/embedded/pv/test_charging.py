"""P-Charging-Vector, as a Kamailio 5.6.3 and a 6.0.1 answered for the same headers."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        (b'P-Charging-Vector: icid-value=abc;orig-ioi="h.x"', "$pcv(all)", 'icid-value=abc;orig-ioi="h.x"'),
        (b'P-Charging-Vector: icid-value=abc;orig-ioi="h.x"', "$pcv(orig)", '"h.x"'),
        (b"P-Charging-Vector: xicid-value=a;term-ioi=t", "$pcv(value)", "a"),
        (b"P-Charging-Vector: term-ioi=t", "$pcv(term)", None),
        (b"p-charging-vector: icid-value=abc", "$pcv(value)", None),
    ],
)
def test_a_charging_vector_is_searched_as_text(header: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", header)).get_s(name) == value


@pytest.mark.parametrize(
    ("header", "status", "whole"),
    [
        ("P-Charging-Vector: icid-value=abc;orig-ioi=o", "1", "icid-value=abc;orig-ioi=o"),
        ("P-Charging-Vector: orig-ioi=o", "2", "orig-ioi=o"),
        ("P-Charging-Vector:", "2", None),
        ("X: 1", "0", None),
        ("P-Charging-Vector: icid-value=" + "x" * 300, "1", "icid-value=" + "x" * 245),
    ],
)
def test_a_charging_vector_has_a_status(header: str, status: str, whole: str | None) -> None:
    _, newer = versions.hosts(versions.message(header))

    assert (newer.get_s("$pcv(status)"), newer.get_s("$pcv(all)")) == (status, whole)
    assert newer.get_s("$pcv(orig)") == ("o" if "abc" in header else None)
