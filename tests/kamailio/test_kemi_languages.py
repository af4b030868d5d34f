"""The whole routing of a real Kamailio in Python, JavaScript and Java, by kamailio/app_mono_kemi.py."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.runtimes.known import BUILT_IN
from tests.kamailio.kemi_site import ENGINES, Site
from tests.kamailio.rig import Peer
from tests.kamailio.routes import HERE
from tests.kamailio.test_app_mono_kemi import FAILED, ask, called
from tests.programs import until

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIMES = {runtime.name: runtime for runtime in BUILT_IN}
LANGUAGES = [
    pytest.param(
        suffix,
        id=name,
        marks=[*ENGINES["C#"].marks, pytest.mark.skipif(bool(why := RUNTIMES[name].missing()), reason=why or "-")],
    )
    for name, suffix in (("python", ".py"), ("node", ".js"), ("java", ".java"))
]


@pytest.fixture(scope="module", params=LANGUAGES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(ENGINES["C#"], tmp_path_factory.mktemp("kemi"), stack, HERE / "scripts" / f"Routes{request.param}")


def test_a_request_is_answered_and_a_failed_one_too(site: Site) -> None:
    assert ask(site, "fine") == "200 OK"
    assert ask(site, "throws") == FAILED
    until(lambda: "boom" in site.kamailio.log(), "the exception is in the log of Kamailio")


def test_a_call_is_relayed_with_its_branch_and_failure_route(site: Site) -> None:
    with Peer(site.port) as phone:
        invite, answer = called(site, phone, "relays", "200 OK")
        _, declined = called(site, phone, "relays", "486 Busy Here")

    assert "X-Ran: ksr_request_route\r\n" in invite
    assert "X-Ran: each_branch\r\n" in invite
    assert answer.startswith("SIP/2.0 200 OK")
    assert declined.startswith("SIP/2.0 480 By each_failure")
