"""Every fault of the shelf in a routing script (KEMI): its request gets an answer, and the server lives."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from tests.kamailio.kemi_site import ENGINES, PEERS, Site
from tests.places import SHELF
from tests.programs import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A MESSAGE is answered; for any other request Main of the shelf's script runs first.
ROUTE = """
public static class RoutesByMain
{
    public static void ksr_request_route()
    {
        if (!SR.KSR.is_MESSAGE())
        {
            System.Reflection.MethodInfo main = typeof(RoutesByMain).Assembly.EntryPoint;
            main.Invoke(null, main.GetParameters().Length == 0 ? null : new object[] { new string[0] });
        }
        SR.KSR.sl.sl_send_reply(200, "OK");
    }
}
"""
SETTINGS = """
num_workers = 2
allocate_timeout_s = 1.0
exec_timeout_s = 1.0
first_exec_timeout_s = 1.0
poison_losses = 0
poison_message_losses = 0
max_address_space_mib = 1024
"""
ELSEWHERE = {
    "DiesAtLoad": "only the guard that is off here refuses it: runtimes/test_shelf.py",
    "ForksWithoutEnd": "it takes the processes of the machine: faults/test_bombs.py has a group for it",
}
NAMES = sorted(path.stem for path in SHELF.glob("*.cs") if path.stem not in ELSEWHERE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("shelf")
        yield Site(ENGINES["C#"], directory, stack, PEERS / "Calls.cs", settings=SETTINGS)


@pytest.mark.parametrize("name", NAMES)
def test_a_request_is_answered_whatever_the_script_does(site: Site, name: str, tmp_path: Path) -> None:
    source = tmp_path / f"{name}.cs"
    source.write_text((SHELF / source.name).read_text("utf-8") + ROUTE, "utf-8")
    draft = site.script.with_suffix(".new")
    draft.write_bytes(compile_script(source).read_bytes())
    draft.rename(site.script)
    until(lambda: site.asked("MESSAGE", "sip:a@example.com") == "200 OK", "the script is served")
    until(site.kamailio.has_started, "all processes of Kamailio are there")
    before = site.kamailio.children()

    answer = site.asked("OPTIONS", "sip:a@example.com")

    assert answer in {"200 OK", "500 Server Internal Error"}, site.kamailio.log()[-3000:]
    until(lambda: site.asked("MESSAGE", "sip:a@example.com") == "200 OK", "the next request is served")
    assert site.kamailio.children() == before
