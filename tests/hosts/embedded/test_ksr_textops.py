"""Of textops, what looks for expressions and texts; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from tests.hosts.embedded.ksr_calls import Message

BODY = b"alpha\r\nbeta alpha\r\n"


@pytest.mark.parametrize(
    ("function", "arguments", "answer"),
    [
        ("search", ["^TO:"], 1),
        ("search", ["^invite sip"], 1),
        ("search", ["^X-None"], -1),
        ("search", [""], 1),
        ("search", ["["], -1),
        ("search_body", ["^beta"], 1),
        ("search_body", ["^To:"], -1),
        ("search_str", ["abc", "B"], 1),
        ("search_str", ["abc", "x"], -1),
        ("search_str", ["", "x"], -2),
        ("search_str", ["abc", "("], -2),
        ("search_str", ["", ""], 2),
    ],
)
def test_an_expression_is_searched_without_regard_to_case(function: str, arguments: list[str], answer: int) -> None:
    assert Message(body=BODY).call(f"textops.{function}", *arguments) == answer


def test_the_longest_alternative_is_taken_as_posix_says() -> None:
    message = Message()

    assert message.call("textops.replace", "two|two words", "X") == 1
    assert message.line("Subject") == "two words"
    assert message.line("x-a") == "X, three"
    assert message.call("textops.replace_hdrs", "subject: two|subject: two words", "Subject: X") == 1
    assert message.line("Subject") == "X"


def test_what_was_edited_is_not_found_before_the_message_is_built_again() -> None:
    message = Message()

    assert message.call("textops.replace", "two words", "one") == 1
    assert message.call("textops.search", "two words") == 1
    assert message.call("textopsx.msg_apply_changes") == 1
    assert message.call("textops.search", "two words") == -1


def test_a_caret_matches_at_each_line_or_once() -> None:
    line_by_line, at_once = (Message(body=b"aa\r\naa\r\n") for _ in range(2))

    assert line_by_line.call("textops.replace_body_all", "^a", "b") == 1
    assert at_once.call("textops.replace_body_atonce", "^a", "b") == 1

    assert line_by_line.body == "ba\r\nba\r\n"
    assert at_once.body == "ba\r\nba\r\n"


def test_the_length_of_the_body_follows_its_edits() -> None:
    message = Message(body=BODY)

    assert message.call("textops.replace_body", "alpha", "a") == 1
    assert message.call("textops.search_append_body", "beta", "!!") == 1

    assert message.body == "a\r\nbeta!! alpha\r\n"
    assert message.line("Content-Length") == str(len(message.body))


@pytest.mark.parametrize(
    ("mode", "changed"), [("f", "X\r\nbeta alpha\r\n"), ("a", "X\r\nbeta X\r\n"), ("", "X\r\nbeta X\r\n")]
)
def test_a_text_is_replaced_once_or_everywhere(mode: str, changed: str) -> None:
    message = Message(body=BODY)

    assert message.call("textops.replace_body_str", "alpha", "X", mode) == 1
    assert message.body == changed


def test_replacing_a_text_everywhere_in_the_headers_goes_on_into_the_body() -> None:
    """A slip of Kamailio's, ki_replace_str_helper."""
    message = Message(b"X-B: alpha\r\n", BODY)

    assert message.call("textops.replace_hdrs_str", "alpha", "X", "a") == 1
    assert (message.line("X-B"), message.body) == ("X", "X\r\nbeta X\r\n")


def test_an_expression_that_matches_nothing_at_all_is_no_replacement() -> None:
    message = Message(body=BODY)

    assert message.call("textops.replace_body_all", "x*", "y") == -1
    assert message.host.logs == [(-1, "the expression matches the empty text")]


def test_a_substitution_takes_groups_and_variables() -> None:
    message = Message(body=BODY)

    assert message.call("textops.subst", "/^(X-A: )(.*)$/\\1$fU \\2/i") == 1
    assert message.call("textops.subst_body", "/alpha/[\\0]/g") == 1
    assert message.line("X-A") == "alice one"
    assert message.body == "[alpha]\r\nbeta [alpha]\r\n"


def test_the_request_uri_and_its_user_are_substituted() -> None:
    message = Message()

    assert message.call("textops.subst_user", "/(b)ob/\\1ill/") == 1
    assert message.call("textops.subst_uri", "/b.example/c.example/") == 1
    assert message.call("textops.subst_uri", "/nobody/x/") == -1
    assert message.call("kx.get_ruri") == "sip:bill@c.example;x=1;lr"


def test_a_substitution_of_the_user_sees_the_uri_end_behind_it() -> None:
    """Kamailio has put a NUL there while it looks."""
    message = Message()

    assert message.call("textops.subst_user", "/bob/$ru-x/") == 1
    assert message.call("kx.get_ruri") == "sip:sip:bob@b.example;x=1;lr"


def test_a_group_of_a_match_is_written_into_a_variable() -> None:
    message = Message(is_6=True)

    assert message.call("textops.regex_substring", "sip:bob@b", "(.*):(.*)@", 2, 3, "$var(a)") == 1
    assert message.call("pv.get", "$var(a)") == "bob"
    assert message.call("textops.regex_substring", "abc", "x", 0, 1, "$var(a)") == -2
    assert message.call("textops.regex_substring", "abc", "b", 1, 1, "$var(a)") == -1
    assert message.call("textops.regex_substring", "abc", "^a", 0, 1, "$var(a)") == -2, "as Kamailio's flags have it"
    assert message.call("textops.subst_v", "abc", "/b/x/", "$var(b)") == 1
    assert message.call("pv.get", "$var(b)") == "axc"


@pytest.mark.parametrize("name", ["$rm", "$none(a)", "a", "", "$shvinc(a)"])
def test_a_result_goes_into_a_variable_that_can_be_written(name: str) -> None:
    message = Message()

    assert message.call("textops.regex_substring", "abc", "b", 0, 1, name) == -1
    assert len(message.host.logs) == 1


@pytest.mark.parametrize(
    ("function", "arguments"), [("search", ["(" * 3000]), ("subst", ["/a{1,200}{1,200}/x/"]), ("subst", ["/a"])]
)
def test_what_is_no_expression_is_false_and_logged(function: str, arguments: list[str]) -> None:
    message = Message()

    assert message.call(f"textops.{function}", *arguments) == -1
    assert message.host.logs[0][0] == -1


def test_a_call_makes_no_more_edits_than_fit_into_kamailio() -> None:
    message = Message(body=b"aa" * 20)

    assert message.call("textops.replace_body_all", "a", "y" * 500_000) == -1
    assert 0 < len(message.host.context.edits) < 20
    assert "memory of a process" in message.host.logs[0][1]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("subst", ("/X-B.*//s",)),
        ("subst", ("/B:[^q]*beta//gs",)),
        ("replace", ("\r\n\r\na", "")),
        ("replace_all", ("\r\n\r\n.", "")),
        ("replace_str", ("\r\n\r\nal", "", "f")),
    ],
)
def test_a_match_that_begins_in_the_headers_and_ends_in_the_body_is_refused(
    function: str, arguments: tuple[str, ...]
) -> None:
    message = Message(b"X-B: z\r\n", BODY)
    before = message.text

    with pytest.raises(CallRefused, match="begins in the headers and ends in the body"):
        message.call(f"textops.{function}", *arguments)

    assert message.text == before
