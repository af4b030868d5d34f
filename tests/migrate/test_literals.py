"""runner.migrate.literals: strings of a kamailio.cfg, and paths in the quotes of mono_exec's one argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.migrate.literals import directory_of, has_variable, inside_quotes, literal, needs_quotes, pieces, quoted
from runner.migrate.tokens import tokens


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("plain", '"plain"'),
        ("", '""'),
        ('say "so"', "'say \"so\"'"),
        ("back\\slash", "'back\\slash'"),
        ("it's", '"it\'s"'),
        ('it\'s "so"', '"it\'s \\"so\\""'),
        ("two\nlines\t\a", '"two\\nlines\\t\\a"'),
    ],
)
def test_a_string_is_written_with_as_few_backslashes_as_possible(value: str, source: str) -> None:
    assert literal(value) == source


def test_single_quotes_stay_where_they_can() -> None:
    assert literal("plain", "'") == "'plain'"
    assert literal("it's", "'") == '"it\'s"'


@given(value=st.text(st.sampled_from("ab $'\"\\\n\r\t\a(){}#/"), max_size=12), quote=st.sampled_from("\"'"))
def test_what_is_written_is_read_as_the_same_value(value: str, quote: str) -> None:
    (token,) = tokens(literal(value, quote))

    assert (token.kind, token.value) == ("string", value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", []),
        ("/a/x.exe", [("/a/x.exe", False)]),
        ("$ru", [("$ru", True)]),
        ("/a/$rU", [("/a/", False), ("$rU", True)]),
        ("$rd.exe", [("$rd.exe", True)]),  # a dot belongs to the name
        ("$(rd).exe", [("$(rd)", True), (".exe", False)]),
        ("$var(a b)c", [("$var(a b)", True), ("c", False)]),
        ("$(hdr(X)[0]{s.len})", [("$(hdr(X)[0]{s.len})", True)]),
        ("$?x", [("$?", True), ("x", False)]),
        ("a$$b$c", [("a$$b", False), ("$c", True)]),
        ("$", [("$", False)]),
        ("5$ x", [("5$ x", False)]),
        ("$var(open", [("$var(open", True)]),
    ],
)
def test_a_value_is_text_and_variables_in_order(value: str, found: list[tuple[str, bool]]) -> None:
    assert pieces(value) == found
    assert has_variable(value) == any(is_variable for _, is_variable in found)


@given(st.text(st.sampled_from("ab$(){}./?\\ "), max_size=20))
def test_the_pieces_are_all_of_the_value(value: str) -> None:
    assert "".join(piece for piece, _ in pieces(value)) == value


@pytest.mark.parametrize(
    ("path", "needs"),
    [
        *(("/a/x.exe", False), ("/a/$$x.exe", False), ("", True), ("/a b/x.exe", True), ("/a\tb", True)),
        *(('/a"b', True), ("/a\\b", True), ("/a/$rU.exe", True)),
    ],
)
def test_a_path_needs_quotes_where_it_could_end_early(path: str, *, needs: bool) -> None:
    assert needs_quotes(path) is needs


@pytest.mark.parametrize(
    ("path", "in_quotes"),
    [
        ("/a b/x.exe", '"/a b/x.exe"'),
        ('/a"b\\c', '"/a\\"b\\\\c"'),
        ("/a/$rU", '"/a/$(rU{s.escape.common})"'),
        ("/a/$(rU{s.len}).exe", '"/a/$(rU{s.len}{s.escape.common}).exe"'),
        ("/a/$var(x)/y", '"/a/$(var(x){s.escape.common})/y"'),
        ("/a/$$b", '"/a/$$b"'),
    ],
)
def test_in_quotes_every_part_of_a_path_keeps_its_value(path: str, in_quotes: str) -> None:
    """A variable is given its backslashes by Kamailio, when it puts the value in."""
    assert quoted(path) == in_quotes
    assert inside_quotes(path) == in_quotes[1:-1]


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        *(("/a/b/x.exe", "/a/b"), ("/x.exe", "/"), ("/a/$rU/x.exe", "/a"), ("/a$rU/x.exe", "/"), ("/a/$$b/x", "/a/$b")),
        *(("x.exe", None), ("a/x.exe", None), ("$var(d)/x.exe", None), ("", None)),
    ],
)
def test_the_directory_of_a_path_ends_before_its_first_variable(path: str, directory: str | None) -> None:
    assert directory_of(path) == directory
