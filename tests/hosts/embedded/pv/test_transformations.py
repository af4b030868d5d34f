"""Transformations over plain values; every expectation is what Kamailio 5.6.3 gives."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.hosts.embedded.pv import families, transform  # noqa: F401 - families fills the registries
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value


def variables(expression: bytes) -> Value:
    known = {b"$var(n)": Value.integer(1), b"$var(s)": Value(b":"), b"$var(e)": Value(b""), b"$vn(x)": NULL}
    return known[expression]


def measure(text: bytes) -> int:
    return text.index(b")") + 1


def transformed(text: bytes | int | None, chain: bytes) -> Value:
    match text:
        case None:
            value = NULL
        case int():
            value = Value.integer(text)
        case _:
            value = Value(text)
    steps, end = transform.parse(chain, 0, measure)
    assert end == len(chain)
    return transform.apply(steps, value, variables)


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abc", b"{s.len}", b"3"),
        (b"abc", b"{ s.LEN }".replace(b" s", b"s"), b"3"),
        (b"abcdef", b"{s.substr,1,2}", b"bc"),
        (b"abcdef", b"{s.substr,-2,0}", b"ef"),
        (b"abcdef", b"{s.substr,-2,5}", b"ef"),
        (b"a:b:c", b"{s.select,-1,:}", b"c"),
        (b"a:b:c", b"{s.select,7,:}", b""),
        (b"abc", b"{s.strip,-1}", b"abc"),
        (b"abc", b"{s.strip,9}", b""),
        (b"abc", b"{s.prefixes,0}", b"a,ab,abc"),
        (b"xaby", b"{s.replace,ab,}", b"xy"),
        (b"xaby", b"{s.rm,ab}", b"xy"),
        (b"a,b,c", b"{s.count,,}", b"2"),
        (b"a:b:", b"{s.rbefore,:}", b"a:b"),
        (b"a:b", b"{s.rafter,:}", b""),
        (b"1", b"{s.decode.base58}", b"\0\0"),
        (b"a/b/" * 4096, b"{s.encode.base58}{s.len}", b"22375"),
        (b"\0\0a/b/a/b/", b"{s.encode.base58}{s.decode.base58}", b"a/b/a/b/\0\0\0"),
        (b"'a'", b"{s.unquote}", b"a"),
        (b"a b", b"{s.escape.user}", b"a%20b"),
        (b"0", b"{s.ftime,%Y}", b"1970"),
        (b"sip:a@b:5070;x=1", b"{uri.port}", b"5070"),
        (b"sip:a@b;x=1;X=2", b"{uri.param,x}", b"2"),
        (b"sip:a@b", b"{uri.tosocket}", b""),
        (b"a=1;b=2;c", b"{param.name,-1}", b"c"),
        (b"a=1&b=2", b"{param.value,b,&}", b"2"),
        (b"a=1;b", b"{param.count}", b"2"),
        (b'"A" <sip:a@b>;tag=x', b"{nameaddr.len}", b"13"),
        (b'"A" <sip:a@b>;tag=x', b"{tobody.params}", b"tag=x"),
        (b"a\r\nb\r\n", b"{line.at,-1}", b"b"),
        (b"a\nb", b"{line.count}", b"2"),
        (b"sip:a@h;transport=tls", b"{urialias.encode}", b"h~5061~3"),
        (b"h~5061~3", b"{urialias.decode}", b"sip:h:5061;transport=tls"),
        (b"udp:127.0.0.1:5060", b"{sock.touri}", b"sip:127.0.0.1:5060;transport=udp"),
        (b"abab", b"{re.subst,/(a)b/<\\1>/g}", b"<a><a>"),
        (b"xx", b"{re.subst,/a|x|xx/y/}", b"y"),
        (b"a:b", b"{s.before,$var(s)}{s.toupper}", b"A"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{s.bogus}",
        b"{val.nothing}",
        b"{S.len}",
        b"{s.len",
        b"{s.len,1}",
        b"{s.substr,1}",
        b"{s.substr,1,-1}",
        b"{s.substr,x,1}",
        b"{s.select,1,}",
        b"{re.subst,/(/x/}",
        b"{re.subst,/a/b}",
        b"{param.value,a,ab}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    with pytest.raises(CannotEvaluate):
        transform.parse(chain, 0, measure)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (None, b"{s.len}"),
        (None, b"{uri.user}"),
        (b"", b"{param.count}"),
        (b"", b"{tobody.uri}"),
        (b"abc", b"{s.substr,3,1}"),
        (b"abc", b"{s.int}"),
        (b"abc", b"{s.rbefore,:}"),
        (b"no uri", b"{uri.user}"),
        (b"a:b", b"{s.before,$var(e)}"),
        (b"a:b", b"{s.before,$vn(x)}"),
        (b"abc", b"{re.subst,/x*/y/}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    steps, _ = transform.parse(chain, 0, measure)

    with pytest.raises(CannotEvaluate):
        transform.apply(steps, NULL if text is None else Value(text), variables)


def test_base58_takes_what_fits_into_its_buffer() -> None:
    assert transformed(b"a" * 47_900, b"{s.encode.base58}{s.len}").text == b"65415"
    with pytest.raises(CannotEvaluate):
        transformed(b"a" * 48_000, b"{s.encode.base58}")


def test_an_address_whose_bracket_does_not_close_fails_each_time() -> None:
    """In Kamailio the second evaluation in a process takes what the first had left: docs/deviations.md."""
    for _ in range(2):
        with pytest.raises(CannotEvaluate):
            transformed(b"<sip:1@example.com", b"{nameaddr.uri}")


def test_a_number_as_parameter_overwrites_the_digits_of_a_number() -> None:
    """Both are in the buffer of int2str: 2147483647 becomes 2147483641 before it is cut."""
    assert transformed(2147483647, b"{s.strip,$var(n)}").text == b"147483641"


@pytest.mark.parametrize("between", ["s.int", "s.strip,0", "s.striptail,-1", "line.at,0", "line.at,-1", "line.sw,1"])
def test_so_it_does_behind_a_transformation_that_leaves_the_digits_where_they_are(between: str) -> None:
    assert transformed(173, b"{%b}{s.strip,$var(n)}" % between.encode()).text == b"71"
    assert transformed(173, b"{%b}{s.trim}{s.strip,$var(n)}" % between.encode()).text == b"73"


def test_one_digit_without_brackets_stays_where_it_is() -> None:
    assert transformed(2, b"{s.unbracket}{s.strip,$var(n)}").text == b""
    assert transformed(2, b"{s.unbracket}{s.before,$var(n)}").text == transformed(2, b"{s.before,$var(n)}").text


def test_a_socket_fits_into_the_buffer_of_a_format_string() -> None:
    assert transformed(b"a" * 8190, b"{sock.host}").text == b"a" * 8190
    with pytest.raises(CannotEvaluate):
        transformed(b"a" * 8191, b"{sock.host}")


def test_counts_are_of_integer_type_and_lines_are_not() -> None:
    assert transformed(b"a=1", b"{param.count}").is_integer
    assert not transformed(b"a", b"{line.count}").is_integer


def test_every_transformation_documents_itself() -> None:
    for known in transform.transformations():
        assert known.meaning
        assert ".c" in known.source


def test_the_list_can_be_filtered() -> None:
    assert {known.name for known in transform.transformations("base58")} == {"s.encode.base58", "s.decode.base58"}


def test_long_values_take_linear_time() -> None:
    text = b"a;" * 30_000

    assert transformed(text, b"{param.count}{s.len}").text == b"5"
    assert transformed(text, b"{s.select,-1,;}").text == b""


@given(st.text(alphabet='sip:a@;?[]"<>\\,= \r\n\0~%1', max_size=40), st.sampled_from(["", ",1", ",-1,1", ",a", ",a,:"]))
def test_any_value_is_transformed_or_refused(text: str, params: str) -> None:
    for known in transform.transformations():
        with suppress(CannotEvaluate):
            assert transformed(text.encode(), f"{{{known.name}{params}}}".encode()) is not None
