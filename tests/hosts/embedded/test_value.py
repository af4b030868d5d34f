"""Where a value's text lives shows in a few places; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MESSAGE

_REFUSED_NOWHERE = ("s.int", "s.ftime,%Y", "s.escape.csv", "s.escape.param", "s.unescape.user", "s.urlencode.param")


@pytest.mark.parametrize("of", ["adc", "ad", "var(v){param.value,a}", "var(v){param.valueat,0}", "ru{uri.param,x}"])
def test_empty_text_that_stands_nowhere_is_refused_by_what_looks_for_it(of: str) -> None:
    digest = b'Authorization: Digest username="u",realm="",nonce=x\r\n'
    host = MessageHost(MESSAGE.replace(b"X-Custom: one\r\n", digest).replace(b"example.com SIP", b"example.com;x SIP"))
    host.set_s("$var(v)", "a;b=")

    assert host.get_s(f"$({of})") == ""
    assert [host.get_s(f"$({of}{{{name}}})") for name in _REFUSED_NOWHERE] == [None] * 6
    assert (host.get_s(f"$({of}{{s.unquote}}{{s.int}})"), host.get_s(f"$({of}{{s.len}})")) == (None, "0")


@pytest.mark.parametrize("of", ["ar", "var(e)", "var(v){param.value,b}", "var(v){param.value,c}"])
def test_empty_text_that_stands_somewhere_is_a_text(of: str) -> None:
    digest = b'Authorization: Digest username="u",realm="",nonce=x\r\n'
    host = MessageHost(MESSAGE.replace(b"X-Custom: one\r\n", digest))
    host.set_s("$var(e)", "")
    host.set_s("$var(v)", "a;b=")

    assert (host.get_s(f"$({of}{{s.int}})"), host.get_s(f"$({of}{{s.escape.csv}})")) == ("", '""')


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$(fU{line.count}{s.replace,$var(b),x})", "x"),
        ("$(fU{line.count}{s.substr,$var(b),2})", "0"),
        ("$(fU{line.count}{s.int})", "1"),
        ("$(true{s.replace,$var(b),x})", "1"),
        ("$(true{s.substr,$var(b),2})", "1"),
    ],
)
def test_a_count_of_lines_is_printed_and_true_is_not(host: MessageHost, name: str, value: str) -> None:
    host.set_i("$var(b)", 0)

    assert host.get_s(name) == value


def test_only_a_value_of_integer_type_has_a_number(host: MessageHost) -> None:
    assert (host.get_i("$rp"), host.get_i("$sp")) == (0, 5070)
