"""Names of variables, as Kamailio takes them apart; a real one takes them in tests/kamailio/test_odd_arguments.py."""

from __future__ import annotations

import time

import pytest

from runner.hosts.kamailio import names


@pytest.mark.parametrize("name", ["$ru", "$(ru)", "$hdr(X)", "$$", "$(hdr(X)[-1]{s.len})", "$ct.uri", "$?"])
def test_one_expression_is_one(name: str) -> None:
    assert names.is_one(name)


@pytest.mark.parametrize("name", ["", "$", "ru", "$du$rU", "$(du)$rU", "$ru ", "$hdr(X) x", "$hdr(X", "$$x", "$(ru"])
def test_a_text_around_an_expression_and_a_second_one_are_no_name(name: str) -> None:
    assert not names.is_one(name)


@pytest.mark.parametrize(
    ("name", "inner", "links"),
    [
        ("$(ru)", "ru", []),
        ("$(var(x)[0]{s.rm,a} \t{s.len})", "var(x)[0]", ["s.rm,a", "s.len"]),
        ("$(avp($(rU{s.len})){s.rm,a})", "avp($(rU{s.len}))", ["s.rm,a"]),
        ("$(du{s.rafter,$(rU{s.len})})", "du", ["s.rafter,$(rU{s.len})"]),
        ("$(du{s.replace,$(rU{s.rm,$(x{s.len})}),$y}{s.len})", "du", ["s.replace,$(rU{s.rm,$(x{s.len})}),$y", "s.len"]),
        ("$(du{s.after,(}{s.before,)})", "du", ["s.after,(", "s.before,)"]),
    ],
)
def test_a_name_is_split_into_its_variable_and_transformations(name: str, inner: str, links: list[str]) -> None:
    assert names.split(name) == (inner, links)


@pytest.mark.parametrize(
    "name",
    [
        "$ru",
        "$(ru",
        "$(ru{s.len}",
        "$(ru{s.len)",
        "$(ru{s.len}) x",
        "$(ru{s.after,{}{s.len})",
        "$(ru{re.subst,/a{2}/x/}{s.len})",
        "$(ru{s.rm,$(rU{s.len)})",
        "$(ru{s.rm,$})",
        "$(ru{s.rm,$(x[)})",
    ],
)
def test_a_brace_that_kamailio_may_read_otherwise_is_not_split(name: str) -> None:
    assert names.split(name) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a", ["a"]),
        ("", [""]),
        (" \ta b ,\n$(rU{s.substr,1,2})\t,", ["a b ", "$(rU{s.substr,1,2})", ""]),
        ("$hdr(a,b),$rU", ["$hdr(a,b)", "$rU"]),
        ("$rU x", None),
        ("a\tb", None),
        ("$", None),
    ],
)
def test_parameters_end_at_commas_that_are_not_of_a_variable(text: str, found: list[str] | None) -> None:
    assert names.parameters(text, may_end_with_comma=False) == found


@pytest.mark.parametrize(("text", "found"), [("a,", ["a,"]), (",", [","]), ("a,b", None), ("$rU,", ["$rU", ""])])
def test_the_comma_behind_the_only_parameter_is_part_of_it(text: str, found: list[str] | None) -> None:
    assert names.parameters(text, may_end_with_comma=True) == found


@pytest.mark.parametrize("part", ["$(a{s.x,", "{s.x}", "$(", "(", "$(a(b)[", ",", "$a,"])
def test_a_long_name_takes_little_time(part: str) -> None:
    name = f"$(ru{{s.x,{part * (100_000 // len(part))}"
    began = time.process_time()

    names.is_one(name)
    names.split(name)
    names.parameters(name, may_end_with_comma=False)

    assert time.process_time() - began < 1


def test_the_variables_of_a_text_are_told_from_what_is_between_them() -> None:
    found = list(names.within("a$ru b$(hdr(X){s.len})$$$ $(ru{ c$fU"))

    assert found == [
        ("$ru", True), ("$(hdr(X){s.len})", True), ("$$", True), ("$(ru{ c$fU", False), ("$fU", True),
    ]  # fmt: skip
