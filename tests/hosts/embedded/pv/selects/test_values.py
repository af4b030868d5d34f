"""Selects of the values in a header; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import is_unknown, values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_values_of_a_header_have_commas_between(host: MessageHost) -> None:
    assert values(host, "hf_value.supported hf_value.supported[2] hf_value.supported[3] hf_value.supported[-1]") == [
        "a,b,,c",
        "b",
        "",
        "c",
    ]
    assert values(host, "hf_value.supported[0] hf_value.supported[9] hf_value.nosuch") == ["a", None, None]
    assert is_unknown(host, "hf_value.supported[-11]")


def test_parts_of_a_value_need_its_number(host: MessageHost) -> None:
    assert values(host, "hf_value.x_custom[2].uri hf_value.x_custom[2].uri.user hf_value.x_custom[2].name") == [
        "sip:xc@example.com;up=1",
        "xc",
        "N",
    ]
    assert values(host, "hf_value.x_custom[1].param.a hf_value.x_custom.param.a hf_value.x_custom.uri") == [
        "1",
        host.get_s("$sel(hf_value.x_custom)"),
        "one,sip:xc@example.com;up=1,last",
    ]
    assert values(host, 'hf_value.x_custom[1].param[""]') == ["one;a=1"]


def test_a_parameter_of_a_value_is_not_named_alone(host: MessageHost) -> None:
    assert values(host, "hf_value.x_custom[1].params.a hf_value.x_custom[2].nameaddr.uri") == [
        "1",
        "sip:xc@example.com;up=1",
    ]
    assert is_unknown(host, "hf_value.x_custom.a")


def test_a_value_is_looked_for_in_any_case_of_letters(host: MessageHost) -> None:
    assert values(host, "hf_value_exists.supported.B hf_value_exists.supported.d hf_value_exists.nosuch.d") == [
        "1",
        "0",
        "0",
    ]
    assert is_unknown(host, "hf_value_exists.supported")


def test_a_header_as_one_value(host: MessageHost) -> None:
    last = '"N" <sip:xc@example.com;up=1>;p=q;r-s="t u", last'

    assert values(
        host, "hf_value2.x_custom hf_value2.x_custom[2] hf_value2.x_custom[-2] hf_value2.x_custom.params.a"
    ) == [
        "one;a=1",
        last,
        "one;a=1",
        "1",
    ]
