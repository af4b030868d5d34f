"""Of textops, what works on the body; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from tests.hosts.embedded.ksr_calls import Message

KIND = b"Content-Type: multipart/mixed;boundary=b\r\n"
PARTS = (
    b"--b\r\nContent-Type: text/plain\r\nX: y\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("kind", "wanted", "answer"),
    [
        (b"text/plain", "Text/Plain", 1),
        (b"text/plain", "text/html", -1),
        (b"a/b", "x/y", 1),
        (b"text/plain", "", 1),
        (b"text/plain", "*/*", -1),
        (b"text/plain", "text", -1),
        (b"", "application/sdp", 1),
    ],
)
def test_a_body_has_a_type_of_which_kamailio_knows_a_few(kind: bytes, wanted: str, answer: int) -> None:
    """Types that it does not know are one, and a body without a type is SDP."""
    line = b"Content-Type: %b\r\n" % kind if kind else b""

    assert Message(line, b"x").call("textops.has_body_type", wanted) == answer
    assert Message(line).call("textops.has_body_type", wanted) == -1


def test_a_multipart_body_is_filtered_down_to_one_part() -> None:
    message = Message(KIND, PARTS)

    assert message.call("textops.filter_body", "application/sdp") == 1
    assert message.body == "v=0"


@pytest.mark.parametrize(
    ("kind", "wanted"), [(KIND, "image/png"), (b"Content-Type: text/plain\r\n", "text/plain"), (b"", "text/plain")]
)
def test_what_is_no_part_is_filtered_from_nothing(kind: bytes, wanted: str) -> None:
    message = Message(kind, PARTS)

    assert message.call("textops.filter_body", wanted) == -1
    assert message.body == PARTS.decode()


def test_a_part_is_read_with_its_headers_or_with_its_type() -> None:
    message = Message(KIND, PARTS)

    assert message.call("textops.get_body_part", "text/plain", "$var(a)") == 1
    assert message.call("textops.get_body_part_raw", "application/sdp", "$var(b)") == 1
    assert message.call("textops.get_body_part", "image/png", "$var(a)") == -1
    assert message.call("pv.get", "$var(a)") == "X: y\r\n\r\nhello\r\n"
    assert message.call("pv.get", "$var(b)") == "Content-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"


def test_a_body_that_is_not_multipart_is_its_only_part() -> None:
    message = Message(b"Content-Type: text/plain\r\n", b"hello")

    assert message.call("textops.get_body_part", "image/png", "$var(a)") == 1
    assert message.call("pv.get", "$var(a)") == "hello"


def test_without_a_content_type_a_part_is_not_looked_for() -> None:
    """Kamailio ends there."""
    with pytest.raises(CallRefused, match="without a Content-Type"):
        Message(b"", PARTS).call("textops.get_body_part", "text/plain", "$var(a)")


def test_a_part_is_removed_with_the_boundary_behind_it() -> None:
    message = Message(KIND, PARTS)

    assert message.call("textops.remove_body_part", "text/plain") == 1
    assert message.body == "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"


def test_a_part_is_added_and_the_last_boundary_gets_its_dashes() -> None:
    message = Message(KIND, PARTS)

    assert message.call("textops.append_body_part_cd", "hi", "text/plain", "session") == 1
    assert message.body.endswith(
        "\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: session\r\n\r\nhi\r\n--b--\r\n"
    )


def test_a_part_is_added_from_hexadecimal_digits() -> None:
    message = Message(KIND, PARTS)

    assert message.call("textops.append_body_part_hex", " 68 69", "text/plain") == 1
    assert "\r\nhi\r\n--b--" in message.body
    assert message.call("textops.append_body_part_hex", "6", "text/plain") == -1
    assert message.host.logs == [(-1, "the text is not hexadecimal")]


def test_a_new_body_has_its_type_and_length() -> None:
    message = Message(b"Content-Type: text/plain\r\n", b"old")
    message.call("textops.replace_body", "old", "edited")

    assert message.call("textops.set_body", "new body", "a/b") == 1
    assert message.body == "new body"
    assert (message.line("Content-Type"), message.line("Content-Length")) == ("a/b", "8")
    assert message.call("textops.set_body", "", "a/b") == -1


def test_a_reply_has_one_body() -> None:
    message = Message()

    assert message.call("textops.set_reply_body", "sorry", "text/plain") == 1
    assert message.call("textops.set_reply_body", "again", "text/x") == -1
    assert message.call("sl.send_reply", 404, "No") == 1

    head, _, body = message.host.replies[0].partition(b"\r\n\r\n")
    assert body == b"sorry"
    assert b"Content-Type: text/plain\r\nContent-Type: text/x\r\n" in head
    assert head.endswith(b"\r\nContent-Length: 5")
