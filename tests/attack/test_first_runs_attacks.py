"""A client that claims an impossible first run: it costs nobody a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.attack import site
from tests.attack.users import as_root
from tests.programs import until
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attack.users import User
    from tests.running_daemon import RunningDaemon

pytestmark = as_root

SEVEN = "static int Main() { return 7; }"
HANDS_OVER = """
control = connected(); answer = lease(control, sys.argv[2])
wire = received(control.take_descriptors(ENDS))
idle = {"state": "idle", "request": 0, "question": 0, "heard": "", "unsent": ""}
told = report(answer, reason="slow", call_id="1", generation=answer["generation"]["id"], unfinished=idle)
told |= json.loads(sys.argv[3])
tell(control, "unfinished", told, wire.descriptors())
try: settle(control)
except (ControlError, OSError): pass
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with site.open_daemon("num_workers = 1\nspare_workers = 0\nmax_workers = 1") as daemon:
        yield daemon


@pytest.mark.parametrize(
    "told",
    [
        '{"reason": "%s"}' % ("x" * 5000),
        '{"reason": 1}',
        '{"call_id": 1}',
        '{"unfinished": 1}',
        '{"ran": 1}',
    ],
    ids=["a long reason", "no text", "no Call-ID", "nothing unfinished", "nothing ran"],
)
def test_an_impossible_first_run_costs_no_place_and_no_share(daemon: RunningDaemon, attacker: User, told: str) -> None:
    """The worker stayed leased to nobody, and the build was refused forever: one message for each place."""
    script = compiled(daemon.scripts, "Seven", SEVEN)
    for _ in range(3):
        site.run(attacker, daemon, HANDS_OVER, script, told)

    until(lambda: {found["state"] for found in daemon.status()["workers"]} <= {"idle"}, "its place is free")
    assert [found["warming"] for found in daemon.status()["workers"] if found["warming"]] == []
    assert site.run(attacker, daemon, "print(run(Lease(sys.argv[1]), sys.argv[2]))", script) == "7"
