"""What last went wrong, as ``sl_reply_error`` tells of it; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost, to_text
from tests.hosts.embedded.reading import MESSAGE


def status_lines(host: MessageHost) -> list[str]:
    return [to_text(reply).split("\r\n", 1)[0] for reply in host.replies]


NO_FAULT = "SIP/2.0 500 I'm terribly sorry, server error occurred (1/SL)"
BAD_URI = "SIP/2.0 479 Regretfully, we were not able to process the URI (479/SL)"


@pytest.mark.parametrize("read", ["$(ci{uri.user})", "$(ci{tobody.uri})", "$rU"])
def test_the_error_reply_says_that_a_uri_did_not_parse(read: str) -> None:
    host = MessageHost(MESSAGE)

    host.set_s("$ru", "nothing")
    assert (host.get_s(read), host.modf("sl_reply_error"), host.modf("sl_reply_error")) == (None, 1, 1)
    assert status_lines(host) == [BAD_URI, NO_FAULT]


def test_a_module_function_between_them_makes_the_error_reply_forget_a_fault() -> None:
    host = MessageHost(MESSAGE)

    assert (host.get_s("$(ci{uri.user})"), host.modf("nonsense"), host.modf("sl_reply_error")) == (None, -127, 1)
    assert (host.get_s("$(ci{uri.user})"), host.modf("is_request"), host.modf("sl_reply_error")) == (None, 1, 1)
    assert status_lines(host) == [BAD_URI, NO_FAULT]


def test_so_does_a_write_of_the_request_uri() -> None:
    host = MessageHost(MESSAGE)

    assert (host.get_s("$(ci{uri.user})"), host.set_s("$rd", "x"), host.modf("sl_reply_error")) == (None, 0, 1)
    assert status_lines(host) == [NO_FAULT]


def test_the_error_reply_knows_too_many_branches_and_a_missing_header() -> None:
    host = MessageHost(MESSAGE)

    assert [host.set_s("$br", "sip:x@y") for _ in range(12)] == [0] * 11 + [-1]
    assert host.modf("sl_reply_error") == 1
    assert (host.hdr_remove("CSeq"), host.modf("msg_apply_changes")) == (0, 1)
    assert (host.modf("t_release"), host.modf("sl_reply_error")) == (-1, 1)
    assert status_lines(host) == [
        "SIP/2.0 500 Forking capacity exceeded (12/SL)",
        "SIP/2.0 400 Transaction tuple incomplete (9/SL)",
    ]


@pytest.mark.parametrize("function", ["is_gruu", "record_route"])
def test_the_status_of_a_reply_is_an_r_uri_that_does_not_parse(function: str) -> None:
    host = MessageHost(MESSAGE.replace(MESSAGE.split(b"\r\n", 1)[0], b"SIP/2.0 200 OK"))

    host.modf(function)
    assert (host.modf("sl_reply_error"), host.get_s("$sel(ruri)"), host.modf("sl_reply_error")) == (1, None, 1)
    assert status_lines(host) == [BAD_URI.replace("SIP/2.0", "OK", 1)] * 2


def test_an_error_reply_to_a_reply_begins_with_its_reason() -> None:
    host = MessageHost(MESSAGE.replace(MESSAGE.split(b"\r\n", 1)[0], b"SIP/2.0 200 All fine"))

    assert host.modf("sl_reply_error") == 1
    assert status_lines(host) == ["All fine 500 I'm terribly sorry, server error occurred (1/SL)"]


@pytest.mark.parametrize(
    ("party", "status"), [(None, NO_FAULT), ("", NO_FAULT), ("<a", NO_FAULT), ("x", BAD_URI), ("sip:+12@a", NO_FAULT)]
)
def test_a_remote_party_that_is_missing_is_no_uri_that_does_not_parse(party: str | None, status: str) -> None:
    host = MessageHost(MESSAGE)

    if party is not None:
        host.set_s("$avp(rpid)", party)
    host.modf("is_rpid_user_e164")
    assert (host.modf("sl_reply_error"), status_lines(host)) == (1, [status])
