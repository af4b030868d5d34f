"""runner.daemon.verdicts: what a trusted client says counts for all, and what another one says is tried first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.control.messages import LeaseRequest, Loaded, Needs, Rejected
from runner.daemon.verdicts import Verdicts
from runner.errors import PoolExhausted, ScriptInvalid, WorkerDied, WorkerGone
from runner.runtimes.known import MONO
from runner.scripts.generation import Generation, Helper, Part
from tests.daemon.borrowers import ONE, Lent, build, client

if TYPE_CHECKING:
    from pathlib import Path

    from runner.daemon.borrower import Client
    from runner.runner import Runner
    from runner.runtimes.runtime import Runtime

NEW, EXTENDED = build("/x.exe", "new"), build("/x.exe", "extended")
INSTEAD, GOOD = build("/x.exe", "instead"), build("/x.exe", "good")
CALL_ID = "a@b"


class Site:
    """The runner of a daemon, as far as verdicts know it. It notes what is done about which build."""

    def __init__(self, copies: Path) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.outcome: tuple[str, ...] | Exception = ()
        self.best: Generation | None = GOOD
        self._copies = copies
        self.scripts = self.poison = self.upkeep = self.pools = self.runtimes = self

    def of(self, _runtime: str) -> Site:
        return self

    def named(self, _runtime: str) -> Runtime:
        return MONO

    def copy_of(self, part: Part) -> Path:
        return self._copies / part.hash

    def extend(self, generation: Generation, names: tuple[str, ...]) -> Generation:
        self.done.append(("extend", generation, names))
        return EXTENDED

    def accept(self, generation: Generation) -> None:
        self.done.append(("accept", generation))

    def reject(self, generation: Generation, error: ScriptInvalid) -> Generation:
        self.done.append(("reject", generation, str(error)))
        return INSTEAD

    def good(self, _path: str) -> Generation | None:
        return self.best

    def plugin(self, generation: Generation, name: str) -> Helper:
        self.done.append(("plugin", generation, name))
        return Helper(Part(f"/{name}.dll", "p"))

    def note(self, generation: Generation, call_id: str | None = None, user: int | None = None) -> bool:
        self.done.append(("note", generation, call_id, user))
        return call_id is not None

    def try_out(self, generation: Generation) -> tuple[str, ...]:
        self.done.append(("try", generation))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for generation in (NEW, EXTENDED):
        (tmp_path / generation.file.hash).write_bytes(b"..\0Helper\0..")
    return Site(tmp_path)


@pytest.fixture
def verdicts(site: Site) -> Verdicts:
    return Verdicts(cast("Runner", site))


def borrower(*, is_trusted: bool = False) -> Client:
    """A client that knows of the new build and holds a worker."""
    one = client()
    one.is_trusted = is_trusted
    one.learn(NEW)
    one.loans["1"] = Lent().loan()
    return one


def asks(*, needs: tuple[str, ...] | None = None, rejected: str | None = None) -> LeaseRequest:
    return LeaseRequest(
        path="/x.exe",
        have=None,
        needs=None if needs is None else Needs(generation=NEW.id, names=needs),
        rejected=None if rejected is None else Rejected(generation=NEW.id, message=rejected, detail=""),
    )


def test_a_client_that_could_load_what_is_current_runs_it(verdicts: Verdicts, site: Site) -> None:
    assert verdicts.of_load(borrower(), NEW, asks()) is NEW
    assert site.done == []


def test_of_names_that_a_build_needs_those_are_added_that_it_has(verdicts: Verdicts, site: Site) -> None:
    assert verdicts.of_load(borrower(), NEW, asks(needs=("Helper", "Evil"))) is EXTENDED
    assert site.done == [("extend", NEW, ("Helper",))]


def test_names_that_a_build_does_not_have_change_nothing(verdicts: Verdicts, site: Site) -> None:
    assert verdicts.of_load(borrower(), NEW, asks(needs=("Evil",))) is NEW
    assert site.done == []


def test_a_build_that_a_trusted_client_cannot_load_is_rejected_for_all(verdicts: Verdicts, site: Site) -> None:
    assert verdicts.of_load(borrower(is_trusted=True), NEW, asks(rejected="no Main")) is INSTEAD
    assert site.done == [("reject", NEW, "no Main")]


def test_what_another_client_cannot_load_is_tried_and_serves_when_it_loads(verdicts: Verdicts, site: Site) -> None:
    one = borrower()

    assert verdicts.of_load(one, NEW, asks(rejected="no Main")) is NEW
    assert site.done == [("try", NEW), ("accept", NEW)]
    assert one.rejected == {}


def test_what_is_tried_and_cannot_be_loaded_is_rejected_with_what_was_seen(verdicts: Verdicts, site: Site) -> None:
    site.outcome = ScriptInvalid("it has no Main")

    assert verdicts.of_load(borrower(), NEW, asks(rejected="a lie")) is INSTEAD
    assert site.done[1:] == [("reject", NEW, "it has no Main")]


def test_what_is_tried_and_needs_helpers_gets_them(verdicts: Verdicts, site: Site) -> None:
    site.outcome = ("Helper",)

    assert verdicts.of_load(borrower(), NEW, asks(rejected="no helper")) is EXTENDED
    assert site.done[1:] == [("extend", NEW, ("Helper",))]


@pytest.mark.parametrize(
    ("outcome", "losses"),
    [(PoolExhausted("none is idle"), 0), (WorkerGone("it had ended"), 0), (WorkerDied("it died of it"), 1)],
)
def test_a_build_that_cannot_be_tried_is_refused_to_that_client_until_it_can(
    verdicts: Verdicts, site: Site, outcome: Exception, losses: int
) -> None:
    one, site.outcome = borrower(), outcome

    assert verdicts.of_load(one, NEW, asks(rejected="no Main")) is GOOD
    assert one.rejected.keys() == {NEW.id}
    assert site.done == [("try", NEW), ("note", NEW, None, None)][: 1 + losses]
    assert verdicts.of_load(one, NEW, asks()) is GOOD, "it said so before"
    assert verdicts.of_load(borrower(), NEW, asks()) is NEW, "others are served"

    site.outcome = ()
    assert verdicts.of_load(one, NEW, asks()) is NEW
    assert one.rejected == {}


@pytest.mark.parametrize("best", [None, NEW])
def test_a_client_for_which_nothing_else_is_there_gets_its_own_error(
    verdicts: Verdicts, site: Site, best: Generation | None
) -> None:
    site.outcome, site.best = PoolExhausted("none is idle"), best

    with pytest.raises(ScriptInvalid, match="no Main"):
        verdicts.of_load(borrower(), NEW, asks(rejected="no Main"))


def test_a_build_that_the_client_cannot_know_is_not_judged(verdicts: Verdicts, site: Site) -> None:
    one = borrower()
    one.known.clear()

    assert verdicts.of_load(one, EXTENDED, asks(rejected="no Main")) is EXTENDED
    assert site.done == []


def test_that_a_build_loads_counts_from_a_trusted_client_with_a_worker(verdicts: Verdicts, site: Site) -> None:
    without = borrower(is_trusted=True)
    without.loans.clear()
    for one in (borrower(), without):
        verdicts.loaded(one, Loaded(generation=NEW.id, entries=("evil",)))
    verdicts.loaded(borrower(is_trusted=True), Loaded(generation="unknown"))
    assert site.done == []
    assert NEW.entries is None

    verdicts.loaded(borrower(is_trusted=True), Loaded(generation=NEW.id, entries=("route",)))
    assert site.done == [("accept", NEW)]
    assert NEW.entries == {"route"}
    verdicts.loaded(borrower(is_trusted=True), Loaded(generation=NEW.id, entries=("another",)))
    assert NEW.entries == {"route"}


def test_a_plugin_is_found_for_a_build_that_names_it(verdicts: Verdicts, site: Site) -> None:
    without = borrower()
    without.loans.clear()

    assert verdicts.plugin(borrower(), NEW.id, "Evil") is None
    assert verdicts.plugin(borrower(), "unknown", "Helper") is None
    assert verdicts.plugin(without, NEW.id, "Helper") is None
    assert site.done == []
    assert verdicts.plugin(borrower(), NEW.id, "Helper") == Helper(Part("/Helper.dll", "p"))


def test_a_trusted_client_may_load_a_plugin_whose_name_is_computed(verdicts: Verdicts) -> None:
    assert verdicts.plugin(borrower(is_trusted=True), NEW.id, "Computed") is not None


@pytest.mark.parametrize(("is_trusted", "user"), [(True, None), (False, ONE)])
def test_a_loss_counts_for_all_or_for_clients_of_the_same_user(
    verdicts: Verdicts, site: Site, *, is_trusted: bool, user: int | None
) -> None:
    one = borrower(is_trusted=is_trusted)

    assert verdicts.lost(one, NEW.id, CALL_ID)
    assert not verdicts.lost(one, NEW.id, None)
    assert not verdicts.lost(one, None, CALL_ID)
    assert not verdicts.lost(one, "unknown", CALL_ID)
    assert site.done == [("note", NEW, CALL_ID, user), ("note", NEW, None, user)]
