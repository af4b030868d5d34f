"""What holds for every message and every variable, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner import sip
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv.listing import find, form
from tests.places import ROOT

MESSAGES = [path.read_bytes() for path in sorted((ROOT / "examples" / "messages").glob("*.sip"))]
INVITE = next(data for data in MESSAGES if data.startswith(b"INVITE"))
NAMES = [form(variable).replace("(name)", "(Via)").replace("[i]", "[-1]") for variable in find()]
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"<",
    b">",
    b'"',
    b"\\",
    b"@",
    b"=",
    b"\0",
    b"\xff",
    b"%",
    b"?",
]
PIECES += [b"Via: SIP/2.0/UDP x\r\n", b"t: a", b"Content-Length: 9\r\n", b"SIP/2.0", b"sip:", b"[::1]", b"tag="]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real message with pieces put in, taken out and repeated."""
    data = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        data = (
            data[:start]
            + draw(st.sampled_from([*PIECES, b"", data[start : start + length] * 2]))
            + data[start + length :]
        )
    return data


anything = mutated() | st.binary(max_size=300)


@given(anything)
@settings(deadline=None, max_examples=300)
@example(b"")
@example(b"\r\n\r\n")
@example(b"SIP/2.0 200\r\n\r\n")
def test_bytes_are_a_message_that_stays_what_it_is_or_the_place_of_a_fault(data: bytes) -> None:
    try:
        parsed = sip.parse(data)
    except sip.SipParseError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1  # noqa: PT017 - it need not be raised
        assert 1 <= error.column <= len(data) + 1  # noqa: PT017
    else:
        assert bytes(parsed) == data
        assert MessageHost(parsed).message_bytes() == data


@given(anything)
@settings(deadline=None, max_examples=60)
def test_every_variable_can_be_asked_of_every_message(data: bytes) -> None:
    try:
        host = MessageHost(sip.parse(data))
    except sip.SipParseError:
        return

    for name in NAMES:
        assert isinstance(host.get_s(name), str | None)
        assert isinstance(host.get_i(name), int)
    for call in (host.hdr_append, host.hdr_insert, host.hdr_remove, host.hdr_append_to_reply):
        assert call("X: 1\r\n") in {0, -1}
    assert isinstance(host.forwarded(), bytes | None)
    assert isinstance(host.reply(404, "Not Found"), bytes | None)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
USER = st.text("abcdefghijklmnopqrstuvwxyz0123456789+*#._-", min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["$var(a)", "$avp(a)", "$avp(s:a)", "$shv(a)", "$xavp(a)"])
@given(TEXT)
@settings(deadline=None, max_examples=50)
def test_what_was_written_into_a_container_is_read_from_it(name: str, text: str) -> None:
    host = MessageHost(INVITE)

    assert host.set_s(name, text) == 0
    assert host.get_s(name) == text
    assert host.set_i(name, len(text)) == 0
    assert host.get_i(name) == len(text)


@given(USER, USER)
@settings(deadline=None)
def test_parts_of_the_r_uri_are_read_as_they_were_written(user: str, other: str) -> None:
    host = MessageHost(INVITE)

    assert host.set_s("$rU", user) == 0
    assert host.get_s("$rU") == user
    assert host.set_s("$ru", f"sip:{other}@example.net:5090;lr") == 0
    assert (host.get_s("$rU"), host.get_s("$rd"), host.get_s("$rp")) == (other, "example.net", "5090")
    assert host.message_bytes().startswith(f"INVITE sip:{other}@example.net:5090;lr SIP/2.0\r\n".encode())
    assert host.set_s("$du", f"sip:{user}@192.0.2.9") == 0
    assert (host.get_s("$du"), host.get_s("$dd")) == (f"sip:{user}@192.0.2.9", "192.0.2.9")


@given(st.text("abcXYZ -_0123456789", min_size=1, max_size=30))
@settings(deadline=None)
def test_an_added_header_is_in_the_message_that_leaves_and_in_no_read(text: str) -> None:
    host = MessageHost(INVITE)

    assert host.hdr_append(f"X-Added: {text}\r\n") == 0
    assert host.get_s("$hdr(X-Added)") is None
    assert f"X-Added: {text}\r\n".encode() in host.message_bytes()
    assert host.message_bytes().replace(f"X-Added: {text}\r\n".encode(), b"") == INVITE
