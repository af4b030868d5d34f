"""runner.daemon.choice: which worker of its runtime a client gets; with processes in test_languages.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from runner.control.messages import Report
from runner.daemon.borrower import MAX_LOANS
from runner.daemon.choice import Choice
from runner.errors import PoolExhausted
from tests.daemon.borrowers import Lent, build, client

if TYPE_CHECKING:
    from runner.runner import Runner


class Unused:
    """The pools of a runner, and each of them: nobody is to ask for a worker."""

    @property
    def pools(self) -> Unused:
        return self

    pool = pools

    def of(self, _runtime: str) -> Unused:
        return self


def choice() -> Choice:
    return Choice(cast("Runner", Unused()), lambda: None)


def report(lease: str) -> Report:
    return Report(lease=lease, execs=0, loads=0, bound={}, loaded={}, ran={}, retire_reason="")


def lent(runtime: str) -> Lent:
    found = Lent()
    found.holdings.runtime = runtime
    return found


def test_a_build_runs_in_the_worker_of_its_runtime_whichever_the_client_names() -> None:
    one = client()
    one.loans = {"m": lent("mono").loan(), "p": lent("python").loan()}
    python, java = build("/x.py", "1", "python"), build("/X.java", "1", "java")

    assert choice().held(one, report("m"), python) is one.loans["p"]
    assert choice().held(one, report("p"), python) is one.loans["p"]
    assert choice().held(one, report("p"), java) is None
    assert choice().held(one, None, python) is None, "it has lost it, or cannot use it"


def test_a_client_holds_two_workers_of_one_runtime_at_most() -> None:
    one, python = client(), build("/x.py", "1", "python")
    one.loans = {str(number): lent("python").loan() for number in range(MAX_LOANS)}

    with pytest.raises(PoolExhausted, match=f"this process holds {MAX_LOANS} workers already"):
        choice().slot(one, None, None, python, time.monotonic())
