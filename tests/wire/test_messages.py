"""runner.wire: what a line looks like, and which lines are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.wire import messages
from runner.wire.session import Session, State

LIMIT = 64 * 1024
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
"""Every str that Python can hold: lone surrogates of both halves, control characters and DEL too."""


def body(line: bytes) -> dict[str, Any]:
    """The one message of a line, read back as a worker would."""
    assert line.endswith(b"\n")
    (message,) = messages.parse(line[:-1])
    return message


def assert_is_one_line_of_plain_ascii(line: bytes) -> None:
    assert line.index(b"\n") == len(line) - 1
    assert all(0x20 <= byte <= 0x7E for byte in line[:-1])


@given(ANY_TEXT)
@settings(deadline=None)
def test_any_text_comes_back_from_an_answer_and_the_line_is_plain_ascii(text: str) -> None:
    line = messages.answer(1, text)

    assert_is_one_line_of_plain_ascii(line)
    # Two lone halves side by side are one character to every reader of JSON.
    assert body(line)["result"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(ANY_TEXT, ANY_TEXT)
@settings(deadline=None)
def test_any_text_in_a_request_or_a_refusal_makes_a_line_of_plain_ascii(one: str, other: str) -> None:
    for line in (
        messages.load_request(1, {"path": one, "helpers": {other: None}}),
        Session(LIMIT, State.IDLE).exec("6f", one, ahead=messages.AHEAD % (messages.quoted(other), 0)),
        messages.refusal(3, one),
    ):
        assert_is_one_line_of_plain_ascii(line)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_of_a_sip_message_cross_as_text_and_come_back_as_the_same_bytes(value: bytes) -> None:
    result = body(messages.answer(1, value.decode("utf-8", "surrogateescape")))["result"]

    assert result.encode("utf-8", "surrogateescape") == value


def test_a_load_request_is_the_message_that_the_protocol_describes() -> None:
    line = messages.load_request(1, {"path": "/x/a.exe", "helpers": {"Gone": None}})

    assert line == (b'{"jsonrpc":"2.0","id":1,"method":"load","params":{"path":"/x/a.exe","helpers":{"Gone":null}}}\n')


@pytest.mark.parametrize(
    ("result", "text"), [(None, b"null"), (0, b"0"), (-127, b"-127"), ("é\x7f", b'"\\u00e9\\u007f"')]
)
def test_an_answer_holds_its_result(result: str | int | None, text: bytes) -> None:
    assert messages.answer(7, result) == b'{"jsonrpc":"2.0","id":7,"result":' + text + b"}\n"


def test_a_refusal_is_an_error_with_the_code_of_a_refused_call() -> None:
    assert body(messages.refusal(7, "no")) == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32010, "message": "no"}}


def test_a_batch_gives_its_messages_in_order() -> None:
    assert messages.parse(b'[{"a":1},{"b":2}]') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"7",
        b'"text"',
        b"null",
        b'[{"a":1},7]',
        b"[[{}]]",
        b'{"a":1} x',
        b'{"a":',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        '{"a":"é"}'.encode(),
        b"[" * 200_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=range(14),
)
def test_a_line_that_is_no_message_is_refused_by_name(line: bytes) -> None:
    with pytest.raises(messages.NotAMessage, match="expected"):
        messages.parse(line)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_arbitrary_bytes_are_messages_or_refused_by_name(line: bytes) -> None:
    try:
        found = messages.parse(line)
    except messages.NotAMessage:
        return

    assert all(isinstance(message, dict) for message in found)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_what_is_shown_of_a_line_is_short_and_safe_to_print(line: bytes) -> None:
    text = messages.shown(line)

    assert text.isascii()
    assert text.isprintable()
    assert ("bytes)" in text) == (len(line) > 80)


def test_numbers_that_json_does_not_know_are_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        messages.load_request(1, {"x": float("nan")})


def test_messages_are_what_the_json_module_reads() -> None:
    message = {"jsonrpc": "2.0", "method": "Core.Log", "params": [3, "a\nb"]}

    assert messages.parse(json.dumps(message).encode()) == [message]
