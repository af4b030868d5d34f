"""Lists of parameters, as parse_param.c of Kamailio 5.6.3 reads them."""

import pytest

from runner.sip.params import Param, find_param, parse_params, parse_params_at


def test_names_tokens_and_quoted_values_are_split() -> None:
    assert parse_params(b"a=1; b ;c = \"x;y\";d='z'") == (
        Param(b"a", b"1"),
        Param(b"b"),
        Param(b"c", b"x;y"),
        Param(b"d", b"z"),
    )


def test_no_text_has_no_parameters() -> None:
    assert parse_params(b"") == ()


def test_another_separator_may_be_given() -> None:
    assert parse_params(b"a=1&b=2;3", b"&") == (Param(b"a", b"1"), Param(b"b", b"2;3"))


def test_a_comma_or_angle_bracket_ends_the_list() -> None:
    assert parse_params(b"a=1,b=2") == (Param(b"a", b"1"),)
    assert parse_params(b"a=1 >;b") == (Param(b"a", b"1"),)


@pytest.mark.parametrize("text", [b"a;", b"a b", b'a="x', b"a=;b", b"a=1 2"])
def test_what_kamailio_refuses_is_refused(text: bytes) -> None:
    assert parse_params(text) is None


def test_the_last_parameter_of_a_name_is_found_without_regard_to_case() -> None:
    params = parse_params(b"A=1;b=2;a=3")

    assert params is not None
    assert find_param(params, b"A") == Param(b"a", b"3")
    assert find_param(params, b"c") is None


def test_a_list_inside_a_text_says_what_ended_it() -> None:
    assert parse_params_at(b'<a>;x="1" , <b>', 4, 15) == ((Param(b"x", b"1"),), 10)
    assert parse_params_at(b"x=1;y", 0, 4) is None


def test_a_missing_value_is_told_from_an_empty_one() -> None:
    assert [param.is_bare for param in parse_params(b"a;b=1;c=") or ()] == [True, False, False]
