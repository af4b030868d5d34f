"""One user's client attacks the clients of another, with the worker it had and with pipes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.attack import site
from tests.attack.users import as_root
from tests.programs import until
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.attack.users import User
    from tests.running_daemon import RunningDaemon

pytestmark = as_root

SEVEN = "static int Main() { return 7; }"
ONE_WORKER = "num_workers = 1\nspare_workers = 0\nmax_workers = 1"
VICTIM = """
from runner.client.held import Held
received = Held.received
def seen(link, worker, known):
    print(worker.pid)
    return received(link, worker, known)
Held.received = seen
print(run(Lease(sys.argv[1]), sys.argv[2]))
"""
BORROWS = "control = connected(); answer = lease(control, sys.argv[2]); print(answer['worker']['pid'], flush=True)\n"


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    """One with room for one worker."""
    with site.open_daemon(ONE_WORKER) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def seven(daemon: RunningDaemon) -> Path:
    return compiled(daemon.scripts, "Seven", SEVEN)


SWAPS = f"""
{BORROWS}
wire = received(control.take_descriptors(ENDS))
kept = wire.descriptors()
from_me, to_me = os.pipe(), os.pipe()
given = dict(
    pipes=(from_me[0], to_me[1]), swapped=kept[::-1], twice=(kept[0], kept[0]), turned=(to_me[1], from_me[0]),
    mine_to_read=(from_me[0], kept[1]), mine_to_write=(kept[0], to_me[1]), other_way=(from_me[0], from_me[1]),
)[sys.argv[3]]
tell(control, "release", report(answer), given)
settle(control)
say("given back")
wait()
os.set_blocking(to_me[0], False)
try: came = os.read(to_me[0], 100)
except BlockingIOError: came = b""
print(came)
"""


@pytest.mark.parametrize("given", ["pipes", "swapped", "twice", "mine_to_read", "mine_to_write", "turned", "other_way"])
def test_returning_other_pipes_than_the_lent_ones_ends_the_worker_and_reaches_nobody(
    daemon: RunningDaemon, seven: Path, attacker: User, victim: User, given: str
) -> None:
    """The next client, of another user, talked to the holder of the other ends: its parameter, its log, its result."""
    before = len(daemon.log())
    with site.start(attacker, daemon, SWAPS, seven, given) as thief:
        assert thief.stdout is not None
        worker = int(thief.stdout.readline())
        site.heard(thief, "given back")

        theirs, code = site.run(victim, daemon, VICTIM, seven).split()
        printed, _ = thief.communicate("\n")
    log = daemon.log()[before:]

    assert (code, printed.strip()) == ("7", "b''")
    assert int(theirs) != worker
    assert "expected the ends of its wire" in log or "it came back without its wire" in log


HONEST = f"""
{BORROWS}
wire = received(control.take_descriptors(ENDS))
tell(control, "release", report(answer), wire.descriptors())
settle(control)
"""


def test_a_worker_that_one_user_had_never_goes_to_another_even_if_there_is_room_for_only_one(
    daemon: RunningDaemon, seven: Path, attacker: User, victim: User
) -> None:
    """Its last client may have loaded any code into it, and may have kept its wire."""
    worker = int(site.run(attacker, daemon, HONEST, seven))
    assert [found["pid"] for found in daemon.status()["workers"]] == [worker], "it is idle, and the only one"

    theirs, code = site.run(victim, daemon, VICTIM, seven).split()

    assert code == "7"
    assert int(theirs) != worker
    retired = f"retired worker {worker}: lent to another user before, no room beside it"
    until(lambda: retired in daemon.log(), "the log says why")
    again = site.run(attacker, daemon, VICTIM, seven).split()
    assert again[1] == "7"
    assert again[0] not in {str(worker), theirs}


def test_a_worker_that_one_user_had_keeps_serving_that_user(attacker: User) -> None:
    with site.open_daemon("num_workers = 2\nspare_workers = 0\nmax_workers = 2") as daemon:
        script = compiled(daemon.scripts, "Seven", SEVEN)
        daemon.until_idle(2)  # a new one is idle for the shortest time

        def are_alike() -> bool:
            """The daemon has it back, and both have loaded the script: else the next client may get the other one."""
            return all(each["state"] == "idle" and str(script) in each["loaded"] for each in daemon.workers())

        workers = set()
        for _ in range(3):
            workers.add(site.run(attacker, daemon, HONEST, script))
            until(are_alike, "the worker is back")

    assert len(workers) == 1


KEEPS_THE_WIRE = """
borrowed = Lease(sys.argv[1])
run(borrowed, sys.argv[2])
conversation = borrowed._held.conversation
generation = borrowed._ask_lease(sys.argv[3], deadline()).generation
while conversation.load(generation, deadline()): pass
kept = [os.dup(end) for end in conversation._channel.descriptors()]
os.write(kept[1], conversation.session.exec(generation.id, None))  # from now on it loops, and says nothing
borrowed._workers.release(borrowed._link)
settle(borrowed._link.control)
for end in kept: os.set_blocking(end, True)
say("given back")
wait()
"""


def test_a_wire_that_was_kept_cannot_hold_up_the_daemon(attacker: User) -> None:
    """All copies of a descriptor share its flags, so the daemon's read from a silent worker never ended."""
    with site.open_daemon(f"{ONE_WORKER}\nfirst_exec_timeout_s = 0.5") as daemon:
        loops = compiled(daemon.scripts, "Loops", "static int Main() { while (true) {} }")
        script = compiled(daemon.scripts, "Seven", SEVEN)
        with site.start(attacker, daemon, KEEPS_THE_WIRE, script, loops) as thief:
            site.heard(thief, "given back")
            compiled(daemon.scripts, "Seven", SEVEN.replace("7", "8"))  # is loaded ahead where the old one is

            until(lambda: "it was not done in time" in daemon.log(), "the daemon gives the silent worker up")
            thief.communicate("\n")

        until(lambda: daemon.status()["workers"], "another one takes its place")


def test_a_client_holds_at_most_two_workers(attacker: User) -> None:
    code = """
control = connected()
for number in range(4):
    try:
        lease(control, sys.argv[2])
        control.take_descriptors(ENDS)
    except RunnerError as error:
        print(number, error)
"""
    with site.open_daemon("max_workers = 8") as daemon:
        script = compiled(daemon.scripts, "Seven", SEVEN)

        assert site.run(attacker, daemon, code, script).splitlines() == [
            f"{number} this process holds 2 workers already" for number in (2, 3)
        ]


def test_the_place_of_a_worker_that_came_back_wrong_is_free_again(
    daemon: RunningDaemon, seven: Path, attacker: User
) -> None:
    for _ in range(5):
        site.run(attacker, daemon, SWAPS.replace("wait()", ""), seven, "pipes")

    def is_settled() -> bool:
        workers = {found["pid"] for found in daemon.workers()}
        return len(workers) == 1 and set(daemon.children()) == workers

    until(is_settled, "there is one worker, and the others have ended")
