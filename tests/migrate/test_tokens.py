from __future__ import annotations

import pytest

from runner.migrate.tokens import line_of, tokens


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.value) for token in tokens(text)]


def words(text: str) -> list[str]:
    return [token.value for token in tokens(text) if token.kind == "word"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('"plain"', "plain"),
        (r'"a\"b\\c"', r'a"b\c'),
        (r'"\n\t\r\a"', "\n\t\r\a"),
        (r'"\x41\x4a\101\\101"', r"AJA\101"),
        (r'"\1 \d"', r"\1 \d"),
        ('"one\\\nline"', "oneline"),
        ('"two\nlines"', "two\nlines"),
        ('"a" "b"\n\t"c"', "abc"),
        (r'"cut\x00off"', "cut"),
        (r'"\xc3\xa9"', "\udcc3\udca9"),
        ("'raw \\n \"$ru\"'", 'raw \\n "$ru"'),
    ],
)
def test_a_string_has_the_value_that_kamailio_gives_it(source: str, value: str) -> None:
    (token,) = tokens(source)

    assert (token.kind, token.value, source[token.start : token.end]) == ("string", value, source)


def test_neighbours_in_single_quotes_are_not_joined() -> None:
    assert kinds("'a' 'b' \"c\"") == [("string", "a"), ("string", "b"), ("string", "c")]


@pytest.mark.parametrize(
    "text",
    [
        "# mono_run()",
        "// mono_run()",
        "/* mono_run() */",
        "/* a /* mono_run() */ mono_run() */",
        "#!unknown mono_run()",
    ],
)
def test_comments_hold_no_words(text: str) -> None:
    assert words(f"{text}\nafter") == ["after"]


def test_signs_of_comments_in_strings_and_variables_are_text() -> None:
    found = kinds("\"# // /*\" '#' $hdr(X-#\"') $(var(a//b){s.replace,',\"}) # end")

    assert [kind for kind, _ in found] == ["string", "string", "variable", "variable", "comment"]


def test_a_double_negation_is_not_a_preprocessor_line() -> None:
    assert words("if (!!mono_run()) exit;") == ["if", "mono_run", "exit"]


def test_a_definition_is_one_token_over_its_continued_lines() -> None:
    found = list(tokens('#!define CALL mono_run("a"); \\\n mono_run()\nnext'))

    assert [(token.kind, token.value) for token in found] == [("define", "CALL"), ("word", "next")]


@pytest.mark.parametrize("how", ["define", "def", "trydef", "trydefine", "redef", "redefine"])
@pytest.mark.parametrize("sign", ["#!", "!!"])
def test_every_way_to_define_is_known(sign: str, how: str) -> None:
    assert kinds(f"{sign}{how} NAME value") == [("define", "NAME")]


def test_includes_and_conditions_are_known() -> None:
    text = '#!ifdef A\ninclude_file "a.cfg"\n#!else\n#!import_file "b.cfg"\n#!endif\n'

    assert [token.how for token in tokens(text)] == ["ifdef", "include_file", "else", "import_file", "endif"]
    assert [token.value for token in tokens(text)][1::2] == ['"a.cfg"', '"b.cfg"']


def test_prose_in_a_branch_that_nobody_switches_on_does_not_swallow_the_rest() -> None:
    text = "#!ifdef NOTES\nDon't call mono_run() here\n#!endif\nmono_exec('x')"

    found = list(tokens(text))

    assert [token.kind for token in found] == [
        "condition",
        "word",
        "unread",
        "condition",
        "word",
        "mark",
        "string",
        "mark",
    ]


@pytest.mark.parametrize(
    "text", ['"open', "'open", "/* open", "$var(open", "$", "#!define", "#!ifdef", "\\", "#!subst"]
)
def test_an_end_in_the_middle_of_something_is_an_end(text: str) -> None:
    assert all(token.end <= len(text) for token in tokens(text))


def test_lines_are_counted_from_one() -> None:
    assert [line_of("a\nb\nc", at) for at in (0, 2, 4)] == [1, 2, 3]
