"""Of textopsx, values in headers and the status line; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from tests.hosts.embedded.ksr_calls import Message

LIST = b'X-L: a, b;x=1;y="2" , "c, d" <sip:c@h>;x=3\r\nX-M: m\r\nx-l: e\r\n'
REPLY = b"SIP/2.0 404 Not Found\r\n"


def lines_behind(function: str, *arguments: str, answer: int = 1) -> list[str]:
    """The headers X-L and X-M behind a call."""
    message = Message(LIST)
    assert message.call(f"textopsx.{function}", *arguments) == answer
    return [line for line in message.text.split("\r\n") if line[:3] in {"X-L", "x-l", "X-M"}]


FIRST, SECOND, THIRD = LIST.decode().split("\r\n")[:3]


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (("append_hf_value", "X-L", "z"), [FIRST, SECOND, THIRD, "X-L: z"]),
        (("append_hf_value", "X-L[1]", "z"), [FIRST.replace("a,", "a,z,"), SECOND, THIRD]),
        (("append_hf_value", "X-L[-1]", "$rU"), [FIRST, SECOND, "x-l: e,bob"]),
        (("append_hf_value", "X-L[9]", "z"), [FIRST, SECOND, THIRD, "X-L: z"]),
        (("insert_hf_value", "X-L", "z"), ["X-L: z", FIRST, SECOND, THIRD]),
        (("insert_hf_value", "X-L[4]", "z"), [FIRST, SECOND, "x-l: z,e"]),
        (("remove_hf_value", "X-L[1]"), [FIRST.replace("a,", ""), SECOND, THIRD]),
        (("remove_hf_value", "X-M"), [FIRST, THIRD]),
        (("remove_hf_value", "X-L[*]"), [SECOND]),
        (("remove_hf_value", "X-L[2].X"), [FIRST.replace(";x=1", ""), SECOND, THIRD]),
        (("remove_hf_value", "X-L[*].x"), [FIRST.replace(";x=1", "").replace(";x=3", ""), SECOND, THIRD]),
        (("assign_hf_value", "X-L[2]", "z"), ['X-L: a, z , "c, d" <sip:c@h>;x=3', SECOND, THIRD]),
        (("assign_hf_value", "X-L[2].y", "z"), [FIRST.replace('y="2"', "y=z"), SECOND, THIRD]),
        (("assign_hf_value", "X-M.n", "z"), [FIRST, "X-M: m;n=z", THIRD]),
        (("include_hf_value", "X-L", "E"), [FIRST, SECOND, THIRD]),
        (("include_hf_value", "X-M", "z"), [FIRST, "X-M: m,z", THIRD]),
        (("exclude_hf_value", "X-L", "a"), [FIRST.replace("a,", ""), SECOND, THIRD]),
        (("exclude_hf_value", "X-L", "E"), [FIRST, SECOND]),
        (("hf_value_exists", "x-L", "A"), [FIRST, SECOND, THIRD]),
    ],
)  # fmt: skip
def test_values_of_headers_are_changed(call: tuple[str, ...], lines: list[str]) -> None:
    assert lines_behind(*call) == lines


@pytest.mark.parametrize(
    "call",
    [
        ("append_hf_value", "X-L[*]", "z"),
        ("append_hf_value", "X-L.x", "z"),
        ("append_hf_value", "X-L[x]", "z"),
        ("append_hf_value", "", "z"),
        ("insert_hf_value", "X-L[9]", "z"),
        ("remove_hf_value", "X-L[-11]"),
        ("remove_hf_value", "X-N"),
        ("remove_hf_value", "X-M.n"),
        ("assign_hf_value", "X-L[*]", "z"),
        ("include_hf_value", "X-L[1]", "z"),
        ("hf_value_exists", "X-L", "z"),
        ("append_hf_value", "X-L", "$("),
    ],
)
def test_what_is_not_there_or_not_taken_changes_nothing(call: tuple[str, ...]) -> None:
    assert lines_behind(*call, answer=-1) == [FIRST, SECOND, THIRD]


def test_nothing_is_looked_for_in_no_header() -> None:
    """Kamailio ends there."""
    with pytest.raises(CallRefused, match="empty value"):
        Message(LIST).call("textopsx.hf_value_exists", "X-L", " ")


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "answer"),
    [("abc", "a*", "", 0), ("abc", "A*", "", -1), ("abc", "A?C", "i", 0), ("abc", "[b-d]*", "", -1), ("", "*", "", 0)],
)
def test_a_name_is_matched_as_a_shell_does(text: str, pattern: str, flags: str, answer: int) -> None:
    assert Message().call("textopsx.fnmatch_ex", text, pattern, flags) == answer


def test_headers_that_no_message_needs_are_removed() -> None:
    message = Message()

    assert message.call("textopsx.keep_hf_re", "^sub") == -1
    assert [line.partition(":")[0] for line in message.text.split("\r\n")[1:-2]] == [
        "Via", "From", "To", "Call-ID", "CSeq", "Subject", "Content-Length"
    ]  # fmt: skip
    assert message.call("textopsx.keep_hf") == -1
    assert "Subject" not in message.text


def test_the_status_of_a_reply_is_changed_within_its_class() -> None:
    message = Message(start=REPLY)

    assert message.call("textopsx.change_reply_status", 486, "Busy") == 1
    assert message.call("pv.get", "$rs") == 486
    assert message.text.startswith("SIP/2.0 486 Busy\r\n")
    assert message.call("textopsx.change_reply_status_code", 603) == 1
    assert message.call("textopsx.change_reply_status_code", 200) == -1
    assert message.call("textopsx.change_reply_status_code", 700) == -1
    assert message.call("textopsx.change_reply_status", 404, "") == -1
    assert Message().call("textopsx.change_reply_status_code", 404) == -1, "a request"


@pytest.mark.parametrize(("start", "reason"), [(REPLY, "a\r\nX: y"), (b"OPTIONS sip:b SIP/2.0\r\n", "a")])
def test_a_status_that_would_break_the_message_is_refused(start: bytes, reason: str) -> None:
    with pytest.raises(CallRefused):
        Message(start=start).call("textopsx.change_reply_status", 404, reason)


def test_a_script_goes_on_with_another_message() -> None:
    message = Message()

    assert message.call("textopsx.msg_set_buffer", message.text.replace("two words", "new")) == 1
    assert message.call("hdr.get", "Subject") == "new"
    assert message.call("textopsx.msg_set_buffer", "") == -1
    assert message.call("textopsx.msg_set_buffer", "nonsense\r\n\r\n") == 0
