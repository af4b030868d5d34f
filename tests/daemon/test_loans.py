"""What a client can make the daemon keep: each of it has an end."""

from __future__ import annotations

import json
import logging
import os
import pwd
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.control.connection import MAX_LINE_BYTES, Control
from runner.daemon import reports
from runner.daemon.access import no_place
from runner.daemon.borrower import MAX_LOANS, MAX_REJECTED, MAX_TOLD, Client, Loan
from runner.daemon.daemon import Daemon
from runner.daemon.quiet import PAUSE_S, Quiet
from runner.daemon.sharing import GRACE_S, WANTED_S, Sharing
from runner.errors import ScriptInvalid, ScriptRefused
from runner.scripts.generation import Generation, Part
from runner.scripts.poison import LONGEST_CALL_ID, MAX_COUNTED, MAX_REFUSED, Poison
from runner.settings import Settings
from runner.worker.holdings import Holdings
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

    from runner.pool.slot import Slot

ONE, OTHER, THIRD = 1001, 1002, 1003
ROOT = 0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lent:
    """A slot whose worker is lent, with what it has loaded."""

    def __init__(self, *loaded: Generation) -> None:
        self.living = self
        self.holdings = Holdings(loaded={generation.path: generation for generation in loaded})

    def loan(self) -> Loan:
        return Loan(cast("Slot", self), 0.0)


def build(path: str, name: str) -> Generation:
    return Generation.of(path, Part(path, name), None, None, {})


def client(uid: int = ONE, workers: int = 0) -> Client:
    made = Client(cast("Control", None), 1, uid)
    made.loans = {number: Lent().loan() for number in range(workers)}
    return made


# One client.


def test_of_generations_a_client_is_told_only_so_many_are_kept_the_ones_told_last() -> None:
    one = client()
    for number in range(MAX_TOLD + 100):
        one.tell(build(f"/{number}.exe", "1"))

    assert len(one.told) == MAX_TOLD
    assert {generation.path for generation in one.told.values()} == {
        f"/{number + 100}.exe" for number in range(MAX_TOLD)
    }


def test_of_one_script_the_current_build_is_kept_and_what_a_worker_has_loaded() -> None:
    one = client()
    builds = [build("/x.exe", str(number)) for number in range(50)]
    one.loans[1] = Lent(builds[3]).loan()
    for generation in builds:
        one.tell(generation, (builds[7],) if generation is builds[8] else ())

    assert set(one.told) == {builds[3].id, builds[49].id}


def test_builds_that_a_client_could_not_load_are_remembered_up_to_a_number() -> None:
    one = client()
    for number in range(MAX_REJECTED + 5):
        one.reject(str(number), ScriptInvalid("no"))

    assert list(one.rejected) == [str(number) for number in range(5, MAX_REJECTED + 5)]


def test_workers_that_were_ended_while_lent_are_remembered_as_long_as_one_can_hold_them() -> None:
    one = client()
    one.ended.extend(range(100))

    assert list(one.ended) == list(range(100 - MAX_LOANS, 100))


# What it reports.

REPORT: dict[str, Any] = {
    "pid": 1,
    "execs": 2,
    "loads": 3,
    "bound": {"H": "x"},
    "loaded": {"/x.exe": "id"},
    "worn": "threads",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": -1},
        {"execs": reports.MAX_COUNT + 1},
        {"execs": True},
        {"loads": 1.0},
        {"loads": None},
        {"bound": []},
        {"bound": {str(number): "x" for number in range(reports.MAX_NAMES + 1)}},
        {"bound": {"H": None}},
        {"loaded": {"x": "y" * (reports.MAX_TEXT + 1)}},
        {"worn": 7},
    ],
    ids=repr,
)
def test_a_report_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        reports.understood(REPORT | wrong)


def test_a_reason_that_only_a_later_version_knows_is_none() -> None:
    assert reports.understood(REPORT | {"worn": "later"}).retire_reason == ""
    assert reports.understood({name: value for name, value in REPORT.items() if name != "worn"}).retire_reason == ""


def test_what_is_known_of_a_worker_only_grows_and_has_an_end() -> None:
    holdings = Holdings()
    holdings.execs, holdings.loads, holdings.retire_reason, holdings.bound = 5, 5, "memory", {"H": "x"}
    known = build("/x.exe", "1")

    reports.note(
        holdings, reports.understood(REPORT | {"loaded": {"/elsewhere": known.id, "b": "?"}}), {known.id: known}
    )
    assert (holdings.execs, holdings.loads, holdings.retire_reason) == (5, 5, "memory")
    assert holdings.loaded == {"/x.exe": known}, "a script is where its build says"
    for begin in range(0, 3 * reports.MAX_NAMES, reports.MAX_NAMES // 2):
        names = {str(number): "x" for number in range(begin, begin + reports.MAX_NAMES // 2)}
        reports.note(holdings, reports.understood(REPORT | {"bound": names}), {})
    assert len(holdings.bound) <= reports.MAX_NAMES
    assert holdings.bound["H"] == "x"


def test_of_names_that_a_load_needs_those_are_looked_for_that_the_assembly_has(tmp_path: Path) -> None:
    names = b"..\0Helper\0NotAll.." + "Größe".encode() + b"\0" + b"".join(b"N%d\0" % n for n in range(200))
    (tmp_path / "1").write_bytes(names + "Plugin".encode("utf-16-le"))
    generation = Generation.of("/x.exe", Part("/x.exe", "1"), None, None, {"Known": None})

    def mentioned(names: list[Any], of: Generation = generation) -> tuple[str, ...]:
        return reports.mentioned(of, names, lambda part: tmp_path / part.hash)

    wanted = ["Helper", "NotAll", "Größe", "Plugin", "Help", "Known", "", "\ud800"]
    assert mentioned(wanted) == ("Helper", "Größe", "Plugin")
    assert len(mentioned([f"N{number}" for number in range(200)])) == reports.MAX_NEEDS
    assert mentioned(["Helper"], build("/gone.exe", "2")) == ()
    with pytest.raises(ValueError, match="expected a text"):
        mentioned([7])


# Places, and workers.


@pytest.mark.parametrize(("most", "shares"), [(1, [1]), (2, [2]), (16, [12, 3, 1]), (256, [192, 48, 12, 3, 1])])
def test_each_user_leaves_places_to_the_next_one_though_it_takes_all_it_can(most: int, shares: list[int]) -> None:
    settings = Settings(max_clients=most)
    taken: list[int] = []
    for user in range(2000, 2000 + len(shares)):
        while not no_place(user, taken, settings):
            taken.append(user)

    assert [taken.count(user) for user in range(2000, 2000 + len(shares))] == shares


def test_who_is_trusted_may_have_all_places_and_no_more() -> None:
    settings = Settings(max_clients=16)
    taken: list[int] = []
    while not no_place(ROOT, taken, settings):
        taken.append(ROOT)

    assert len(taken) == 16


def overdue(sharing: Sharing, clients: list[Client], waiting: set[int]) -> int | None:
    found = sharing.overdue(clients, waiting, Settings(max_workers=4, exec_timeout_s=0.4))
    return found[0].uid if found else None


def test_a_loan_is_overdue_when_another_user_with_less_waited_longer_than_any_exec_takes() -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(ONE, 2), client(ONE, 2)]

    assert overdue(sharing, clients, {OTHER}) is None
    clock.now += 0.4 + GRACE_S
    assert overdue(sharing, clients, {OTHER}) is None
    clock.now += 0.01
    assert overdue(sharing, clients, set()) is None, "nobody waits in this moment"
    assert overdue(sharing, clients, {OTHER}) == ONE


@pytest.mark.parametrize(
    ("held", "waiting"),
    [([(ONE, 2), (ONE, 2)], {ONE}), ([(ONE, 2), (OTHER, 2)], {OTHER}), ([(ONE, 1), (THIRD, 1)], {OTHER}), ([], {ONE})],
)
def test_no_loan_is_overdue_for_its_own_user_nor_while_nobody_has_more_than_a_share(
    held: list[tuple[int, int]], waiting: set[int]
) -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(*of) for of in held]
    for _ in range(100):
        clock.now += 1
        assert overdue(sharing, clients, waiting) is None


def test_who_waits_no_more_is_forgotten_and_begins_from_the_start() -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(ONE, 2), client(ONE, 2)]
    overdue(sharing, clients, {OTHER})
    clock.now += WANTED_S + 0.1

    assert overdue(sharing, clients, set()) is None
    assert overdue(sharing, clients, {OTHER}) is None


# What takes workers with it.


def test_losses_of_builds_and_callers_are_counted_up_to_a_number() -> None:
    poison = Poison(Settings(poison_s=1e6, poison_message_losses=2), Clock())
    for number in range(3 * MAX_COUNTED):
        poison.note(build("/x.exe", str(number)), f"call-{number}", ONE)

    assert len(poison._lost) <= MAX_COUNTED


def test_what_is_refused_has_an_end_and_fits_into_one_message() -> None:
    poison = Poison(Settings(poison_message_losses=1, poison_losses=1, poison_s=1e6), Clock())
    for number in range(2 * MAX_REFUSED):
        poison.note(build(f"/{'x' * 4000}.exe", str(number)), f"{number:04}" + "\U0010ffff" * LONGEST_CALL_ID)

    assert len(poison._until) <= MAX_REFUSED
    assert len(json.dumps({"messages": poison.refused_messages()})) < MAX_LINE_BYTES


def test_what_clients_of_one_user_lost_counts_for_them_alone() -> None:
    poison = Poison(Settings(poison_losses=2, poison_message_losses=2, poison_s=60), Clock())
    for _ in range(2):
        poison.note(build("/x.exe", "1"), "a", ONE)

    with pytest.raises(ScriptRefused):
        poison.check(build("/x.exe", "1"), ONE)
    poison.check(build("/x.exe", "1"), OTHER)
    poison.check(build("/x.exe", "1"))
    assert poison.refused_messages(None, ONE) == [("/x.exe", "a", 60.0)]
    assert poison.refused_messages(None, OTHER) == []
    assert (list(poison.refused()), poison.refused_messages()) == (["/x.exe"], [("/x.exe", "a", 60.0)])

    for _ in range(2):
        poison.note(build("/x.exe", "1"))
    with pytest.raises(ScriptRefused):
        poison.check(build("/x.exe", "1"), OTHER)


# The log, and a client that reads nothing.


def test_of_lines_that_clients_can_make_one_comes_each_second_with_their_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    quiet = Quiet(logging.getLogger("runner.test"), logging.WARNING, "it happened", clock)
    for number in range(2000):
        quiet.tell(f"case {number}")
        clock.now += PAUSE_S / 1000

    assert [record.getMessage() for record in caplog.records] == [
        "it happened (1 until now): case 0",
        "it happened (1001 until now): case 1000",
    ]


def test_a_client_that_reads_nothing_is_hung_up_on_and_not_waited_for(tmp_path: Path) -> None:
    """Upkeep waited a second for each, and with enough of them systemd's watchdog ended the daemon."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    daemon = Daemon(Settings(socket=tmp_path / "c.sock", script_dirs=(tmp_path,), worker_user=user))
    ours, theirs = socket.socketpair()
    with closing(Control(ours)) as control, theirs:
        silent = Client(control, 1, ONE)
        for _ in range(10_000):
            daemon._notify(silent, "swap", {"reason": "x" * 1000})

        theirs.settimeout(WAIT_S)
        begin = time.monotonic()
        while theirs.recv(65536):
            assert time.monotonic() < begin + WAIT_S
