"""One user's clients take all they can get. Others still have places, workers and a daemon that answers."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.daemon.access import KEPT_PLACES, SHARE
from runner.errors import PoolExhausted
from runner.hosts.embedded.host import MessageHost
from tests.attack import site
from tests.attack.users import as_root, new_user
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import app_mono, compiled

if TYPE_CHECKING:
    from tests.attack.users import User

pytestmark = as_root

SEVEN = "static int Main() { return 7; }"
RUNS = (
    "borrowed = Lease(sys.argv[1])\ntry: print(run(borrowed, sys.argv[2]))\nexcept RunnerError as error: print(error)\n"
)
PLACES = 16
TAKES_PLACES = """
held = []
try:
    while len(held) < 1000: held.append(connected())
except (RunnerError, ControlError) as error: say(f"{len(held)} {error}")
wait()
"""


def test_one_user_can_take_most_places_and_others_keep_some(attacker: User, victim: User) -> None:
    with site.open_daemon(f"max_clients = {PLACES}") as daemon, ExitStack() as stack:
        script = compiled(daemon.scripts, "Seven", SEVEN)
        taken: list[int] = []
        for user in (attacker, victim):
            assert site.run(user, daemon, RUNS, script) == "7"
            until(lambda: daemon.status()["clients"] == sum(taken) + 1, "its client has gone")  # not the one that asks
            process = stack.enter_context(site.start(user, daemon, TAKES_PLACES))
            assert process.stdout is not None
            told = process.stdout.readline()
            assert "places are for other users (max_clients)" in told
            taken.append(int(told.split()[0]))
            stack.callback(process.communicate, "\n")

        third = stack.enter_context(new_user())
        assert site.run(third, daemon, RUNS, script) == "7"
        assert daemon.status()["pid"] == daemon.pid

    assert taken[0] == PLACES * SHARE / (SHARE + 1), "of one alone: nearly all"
    assert 0 < taken[1] < PLACES - taken[0]


def test_root_is_answered_when_all_places_are_taken_but_borrows_nothing(attacker: User) -> None:
    """Even by users named in the settings, who may take all of them."""
    settings = f'max_clients = {PLACES}\nsocket_owner = "{attacker.name}"'
    with site.open_daemon(settings) as daemon, site.start(attacker, daemon, TAKES_PLACES) as all_of_them:
        assert all_of_them.stdout is not None
        assert all_of_them.stdout.readline().startswith(f"{PLACES} ")

        for _ in range(2 * KEPT_PLACES):
            until(
                lambda: daemon.status()["clients"] == PLACES + 1, "of those who ask one after another only one is there"
            )
        with closing(Lease(str(daemon.socket))) as lease, pytest.raises(PoolExhausted, match="max_clients"):
            lease.exec(str(daemon.scripts / "Seven.exe"), None, MessageHost(INVITE), time.monotonic() + WAIT_S)
        assert app_mono("reset", "--socket", str(daemon.socket)).returncode == 0
        all_of_them.communicate("\n")


def test_unexpected_descriptors_are_closed(attacker: User) -> None:
    """They used to stay open for as long as the connection."""
    code = """
control = connected()
null = os.open("/dev/null", os.O_RDONLY)
for number in range(50):
    control.send({"id": 1, "method": "status", "params": {}}, deadline(), (null, null))
    control.receive(deadline())
    tell(control, "report", {"lease": "1" * 32, "execs": 1, "loads": 1, "loaded": {}, "bound": {}}, (null,))
control.send({"id": 1, "method": "status", "params": {}}, deadline(), (null, null))
control.receive(deadline())
say("done")
wait()
"""
    with site.open_daemon("spare_workers = 0") as daemon:
        compiled(daemon.scripts, "Seven", SEVEN)
        before = daemon.descriptors()
        with site.start(attacker, daemon, code) as process:
            site.heard(process, "done")

            until(lambda: daemon.descriptors() <= before + 1, "only its connection is open")
            process.communicate("\n")


TAKES_WORKERS = """
held = [connected() for _ in range(2)]
wires = []
for control in held:
    answer = lease(control, sys.argv[2])
    wires.append(control.take_descriptors(ENDS))
    ran = {"lease": answer["worker"]["lease"], "generation": answer["generation"]["id"], "has_run": True}
    tell(control, "ran", ran)
    settle(control)
say("taken")
wait()
"""


def test_a_user_who_keeps_all_workers_loses_one_to_another_user_who_waits(attacker: User, victim: User) -> None:
    settings = "num_workers = 2\nmax_workers = 2\nexec_timeout_s = 0.5\nallocate_timeout_s = 2.0"
    with site.open_daemon(settings) as daemon:
        script = compiled(daemon.scripts, "Seven", SEVEN)
        daemon.until_idle(2)
        with site.start(attacker, daemon, TAKES_WORKERS, script) as process:
            site.heard(process, "taken")

            until(lambda: site.run(victim, daemon, RUNS, script) == "7", "the other user has its turn")

            assert "kept it from clients of other users" in daemon.log()
            held = [worker["client"] for worker in daemon.status()["workers"]]
            assert process.pid in held, "and it keeps its share"
            process.communicate("\n")


def test_a_client_that_keeps_all_workers_keeps_them_when_its_own_user_waits(attacker: User) -> None:
    """The daemon only asks for them, as before: a site with one Kamailio loses no exec to this."""
    settings = "num_workers = 2\nmax_workers = 2\nexec_timeout_s = 0.2\nallocate_timeout_s = 0.4"
    with site.open_daemon(settings) as daemon:
        script = compiled(daemon.scripts, "Seven", SEVEN)
        daemon.until_idle(2)
        with site.start(attacker, daemon, TAKES_WORKERS, script) as process:
            site.heard(process, "taken")

            tries = [site.run(attacker, daemon, RUNS, script) for _ in range(6)]

            assert all("no worker was free" in text for text in tries)
            assert "kept it from" not in daemon.log()
            process.communicate("\n")
