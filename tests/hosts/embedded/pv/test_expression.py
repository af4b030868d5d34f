"""Which expressions are well formed, and what they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import NINES, ZEROS, with_headers

MESSAGE = b"OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n"


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(MESSAGE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(hdr(X)[1])", "2"),
        ("$(hdr(X)[-1])", "3"),
        ("$(hdr(X)[-4])", None),
        ("$(hdr(X)[*])", "1,2,3"),
        ("$hdr(x)", "1"),
        ("$hdrc(X)", "3"),
        ("$($)", "$"),
        ("$hdr()", None),
        ("$hdr", None),
        ("$(ru", None),
        ("$(ru[0])", None),
        ("$ru\0 and more", "sip:a@b.example"),
        ("$_s(user $rU)", "user a"),
        ("$sel(ruri.host)", "b.example"),
        ("$msg(hdrc)", "4"),
    ],
)
def test_an_expression_reads_as_in_kamailio(host: MessageHost, text: str, value: str | None) -> None:
    assert host.get_s(text) == value


def test_a_name_and_an_index_may_be_expressions(host: MessageHost) -> None:
    host.set_s("$var(name)", "X")
    host.set_i("$var(at)", 2)

    assert host.get_s("$(hdr($var(name))[$var(at)])") == "3"


def test_a_variable_without_a_setter_takes_a_write_and_does_nothing(host: MessageHost) -> None:
    assert (host.set_s("$ou", "sip:x@y"), host.get_s("$ou")) == (0, "sip:a@b.example")


def test_an_avp_keeps_every_value_newest_first(host: MessageHost) -> None:
    host.set_s("$avp(a)", "one")
    host.set_i("$avp(a)", 2)

    assert host.get_s("$(avp(a)[*])") == "2, one"
    assert host.get_i("$avp(a)") == 2


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_an_error_value(text: str) -> None:
    host = MessageHost(MESSAGE)
    for name in (text, "$" + text, f"$({text})", f"$hdr({text})", f"$xavp({text})", f"$sel({text})"):
        host.get_s(name)
        host.set_s(name, text)

        assert host.is_null(name) in {-1, 0, 1}


@pytest.mark.parametrize(
    ("index", "value"),
    [
        ("4294967297", "two"),
        (NINES, "two"),  # -1 in 32 bits
        (ZEROS + "1", "two"),
        ("-" + NINES, "two"),  # 1
        ("2147483648", None),
        ("-2147483648", None),
        ("-0", "one"),
        ("-", "one"),
        ("+", None),
        ("+1", None),
        ("0x1", None),
        ("²", None),
        ("\u0661", None),
    ],
)
def test_an_index_is_added_up_in_32_bits(index: str, value: str | None) -> None:
    assert with_headers("X-A: one", "X-A: two").get_s(f"$(hdr(X-A)[{index}])") == value
