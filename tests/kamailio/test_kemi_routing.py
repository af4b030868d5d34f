"""The worked example of a routing script, with sipp: in C#, and the same one in Python and in Lua."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.kemi_site import ENGINES, Site
from tests.kamailio.rig import free_udp_port
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS, PER_S = 20, 50
DONE = (CALLS, CALLS, 0)


@pytest.fixture(scope="module", params=[pytest.param(name, marks=engine.marks) for name, engine in ENGINES.items()])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(ENGINES[request.param], tmp_path_factory.mktemp(request.param), stack)


def done(sipp: Sipp) -> tuple[int, int, int]:
    counts = sipp.counts()
    return counts.created, counts.successful, counts.failed


def at_port() -> tuple[str, str]:
    """Arguments of sipp, which would take 5060, where other tests start a Kamailio."""
    return "-p", str(free_udp_port())


def register(site: Site, user: str, contact_port: int, directory: Path) -> None:
    contact = f"sip:bob@127.0.0.1:{contact_port}"
    more = ("-s", user, "-key", "contact", contact, *at_port())
    with Sipp("kemi/register", site.port, 1, 1, directory, *more) as sipp:
        pass
    assert done(sipp) == (1, 1, 0), f"{sipp.errors()}\n{site.kamailio.log()}"


@pytest.mark.parametrize(
    ("caller", "callee"),
    [("call", "called"), ("reinvite", "reinvited"), ("cancel", "cancelled"), ("busy", "is_busy")],
)
def test_a_registered_phone_is_called(site: Site, caller: str, callee: str, tmp_path: Path) -> None:
    port = free_udp_port()
    register(site, callee, port, tmp_path)

    with (
        Sipp(f"kemi/{callee}", site.port, CALLS, PER_S, tmp_path, "-p", str(port)) as phone,
        Sipp(f"kemi/{caller}", site.port, CALLS, PER_S, tmp_path, "-s", callee, *at_port()) as sipp,
    ):
        pass

    for end in (sipp, phone):
        assert done(end) == DONE, f"{end.errors()[-3000:]}\n{site.kamailio.log()[-3000:]}"
    assert site.troubles() == []


@pytest.mark.parametrize(
    ("method", "uri", "headers", "line"),
    [
        ("INVITE", "sip:nobody@{here}", "", "404 Not Found"),
        ("INVITE", "sip:bob@example.com", "", "403 Not relaying"),
        ("INVITE", "sip:{here}", "", "484 Address Incomplete"),
        ("OPTIONS", "sip:{here}", "", "200 Keepalive"),
        ("MESSAGE", "sip:bob@{here}", "Max-Forwards: 0\r\n", "483 Too Many Hops"),
        ("BYE", "sip:bob@{here}", "To: <sip:bob@example.com>;tag=1\r\n", "404 Not here"),
    ],
)
def test_what_goes_nowhere_is_answered(site: Site, method: str, uri: str, headers: str, line: str) -> None:
    reply = site.asked(method, uri.format(here=f"127.0.0.1:{site.port}"), headers)

    assert reply == line
    assert site.troubles() == []


def test_a_scanner_gets_no_answer_and_the_next_request_does(site: Site) -> None:
    uri = f"sip:127.0.0.1:{site.port}"

    site.send("OPTIONS", uri, "User-Agent: friendly-scanner\r\n")

    assert site.asked("OPTIONS", uri, "Subject: behind it\r\n") == "200 Keepalive"
