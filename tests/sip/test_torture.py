"""
The torture messages of RFC 4475 on the embedded host.

Each is a message or one clear error, and stays what it was byte for byte; each variable can be read on it. What is
expected of one is what Kamailio reads there, which is not always what the RFC asks of an endpoint.
"""

from __future__ import annotations

import pytest

from runner import sip
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv.listing import find, form
from tests.sip.torture import BAD, DBLREQ, GOOD, MPART


@pytest.mark.parametrize("name", GOOD)
def test_a_message_stays_what_it_is_and_everything_can_be_asked_of_it(name: str) -> None:
    data = GOOD[name]

    assert bytes(sip.parse(data)) == data
    host = MessageHost(sip.parse(data))
    assert host.message_bytes() == data
    for variable in find():
        for example in (form(variable), form(variable).replace("[i]", "[-1]").replace("(name)", "(x)")):
            assert isinstance(host.get_s(example), str | None)
            assert isinstance(host.get_i(example), int)
            assert host.is_null(example) in {0, 1, -1}
    for call in ("hdr_append", "hdr_insert"):
        assert getattr(host, call)("X-New: 1\r\n") in {0, -1}
    assert isinstance(host.forwarded(), bytes | None)
    assert isinstance(host.reply(404, "Not Found"), bytes | None)


@pytest.mark.parametrize("name", BAD)
def test_what_has_no_first_line_is_refused_with_its_place(name: str) -> None:
    data, place = BAD[name]

    with pytest.raises(sip.SipParseError) as caught:
        MessageHost(data)

    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wsinv", "line 10 cannot be parsed ('cseq: 0009'), and above it is no Via and no CSeq"),
        ("badvers", "its version is 'SIP/7.0', not SIP/2.0"),
        ("insuf", "it has no From and no To and no Call-ID"),
        ("quotbal", "and above it is no To"),
        ("trws", None),
        ("intmeth", None),
    ],
)
def test_what_kamailio_drops_tells_why(name: str, why: str | None) -> None:
    dropped = sip.parse(GOOD[name]).dropped

    assert (dropped is None) if why is None else (dropped or "").endswith(why)


FACTS: dict[str, dict[str, str | None]] = {
    "wsinv-with-a-cseq-in-one-line": {
        "$ru": "sip:vivekg@chair-dnrc.example.com;unknownparam",
        "$rm": "INVITE",
        "$ci": "wsinv.ndaksdj@192.0.2.1",
        "$tu": "sip:vivekg@chair-dnrc.example.com",
        "$tt": "1918181833n",
        "$fu": "sip:jdrosen@example.com",
        "$ft": "98asjd8",
        "$fn": '"J Rosenberg \\\\\\""',
        "$hdr(UnknownHeaderWithUnusualValue)": ";;,,;;,;",
        "$hdr(s)": "",
        "$cl": "150",
        "$hdr(NewFangledHeader)": "newfangled value\r\n continued newfangled value",
        "$cT": "application/sdp",
    },
    "intmeth": {
        "$rm": "!interesting-Method0123456789_*+`.%indeed'~",
        "$rd": "example.com",
        "$tu": "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
        # Kamailio takes neither % nor ` nor ' in a header's name, and with one such line has no header at all.
        "$hdr(extensionHeader-!.%*+_`'~)": None,
        "$fu": "sip:mundane@example.com",
        "$ft": "_token~1'+`*%!-.",
    },
    "esc01": {
        "$rU": "sips%3Auser%40example.com",
        "$rd": "example.net",
        "$(rU{s.unescape.user})": "sips:user@example.com",
    },
    "escnull": {"$tU": "null-%00-null", "$(hdr(Contact)[1])": "<sip:%00%00@host5.example.com>"},
    "esc02": {
        "$rm": "RE%47IST%45R",
        "$hdr(Contact)": None,
        "$hdr(C%6Fntact)": None,
    },
    "lwsdisp": {"$fn": "caller", "$fu": "sip:caller@example.com"},
    "dblreq": {"$rm": "REGISTER", "$ci": "dblreq.0ha0isndaksdj99sdfafnl3lk233412", "$cl": "8"},
    "semiuri": {"$rU": "user;par=u%40example.net", "$rd": "example.com"},
    "unreason": {"$rs": "200", "$rr": "= 2**3 * 5**2 но сто"},
    "noreason": {"$rs": "100"},
    "mpart01": {"$cT": 'multipart/mixed;boundary="7a9cbec02ceef655"'},
    "zeromf": {"$hdr(Max-Forwards)": "0"},
    "unksm2": {"$rm": "REGISTER"},
    "mismatch01": {"$rm": "OPTIONS", "$cs": "8"},
    "bcast": {"$(hdr(Via)[1])": "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"},
}


@pytest.mark.parametrize("name", FACTS)
def test_what_is_well_formed_is_read_so(name: str) -> None:
    host = MessageHost(sip.parse(GOOD[name]))

    assert {variable: host.get_s(variable) for variable in FACTS[name]} == FACTS[name]


def test_the_body_is_all_that_came_behind_the_head() -> None:
    assert sip.parse(DBLREQ).body == DBLREQ[DBLREQ.index(b"\r\n\r\n") + 4 :]
    assert sip.parse(GOOD["mpart01"]).body == MPART


@pytest.mark.parametrize("name", ["wsinv-with-a-cseq-in-one-line", "transports", "inv2543"])
def test_vias_are_counted_however_they_are_written(name: str) -> None:
    expected = {"wsinv-with-a-cseq-in-one-line": 3, "transports": 3, "inv2543": 1}[name]
    parsed = sip.parse(GOOD[name])

    assert (
        sum(
            header.body.count(b"UDP")
            + header.body.count(b"TCP")
            + header.body.count(b"TLS")
            + header.body.count(b"SCTP")
            + header.body.count(b"UNKNOWN")
            for header in parsed.all_headers(b"via")
        )
        == expected
    )
