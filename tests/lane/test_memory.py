"""Where memory runs out at any place of an exec in C, the process goes on, and gives back what it took."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from runner.client.lease import Lease
from runner.lane import choice
from tests.lane.borrowed import LEFT, Borrowed, Ksr
from tests.lane.test_exported import EDITS, READS, USUAL
from tests.scripts.test_plans import learned

if TYPE_CHECKING:
    from collections.abc import Callable

allocations = pytest.importorskip("_testcapi", reason="CPython's own tests are not installed; they make memory run out")
pytestmark = pytest.mark.skipif(choice.NAME != "c", reason="the lane in C is not built")

PLACES = 200
"""Allocations of one exec, and more."""


def _give_memory_back_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the function in C leaves to Python has memory again.

    CPython 3.11 ends where there is none for the pairs of a dict that are iterated over, as ``Held.report`` does
    (Objects/dictobject.c, dictiter_new: what is deallocated there was not tracked yet). CPython 3.13 ends where there
    is none for a generator, as in the edits of ``Ksr``; Kamailio's are no Python.
    """
    for owner, name in ((Lease, "_after"), (Lease, "note"), (Lease, "close"), (Borrowed, "go_on")):
        monkeypatch.setattr(owner, name, _with_memory(getattr(owner, name)))
    edit = Ksr._edit
    monkeypatch.setattr(Ksr, "_edit", lambda *of, **named: _with_memory(edit(*of, **named)))


def _with_memory(method: Callable[..., Any]) -> Callable[..., Any]:
    def run(*of: Any, **named: Any) -> Any:
        allocations.remove_mem_hooks()
        return method(*of, **named)

    return run


@pytest.mark.parametrize("many", [1, 3])
def test_memory_that_runs_out_costs_an_exec_and_nothing_else(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that could not be made was made again of nothing, which ended the process."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    _give_memory_back_to_python(monkeypatch)
    results, table = set(), dict(USUAL)
    before = 0
    for first in range(PLACES):
        if first == PLACES // 2:
            gc.collect()
            before = sys.getrefcount(table)
        with Borrowed(learned(*READS, *EDITS[:-1])) as borrowed:
            mono_exec, line = borrowed.exported(Ksr(table)).mono_exec, f"{borrowed.path} a b"
            borrowed.held.report_after = 0.0 if first % 2 else borrowed.held.report_after  # so it is said, and is not
            borrowed.answer(2, b'[[0,"123"],[1,"caf\\u00e9"],[2,123456],[3,"A: b"]]', used=15)
            os.close(borrowed.says)
            result: Any = None
            allocations.set_nomemory(first, first + many)
            try:
                result = mono_exec("msg", line)
            finally:
                allocations.remove_mem_hooks()
            results.add(result if isinstance(result, int) else result.partition(":")[0])
            assert borrowed.lease.within.running == []

    assert {1, LEFT} <= results <= {1, -1, LEFT, "MemoryError", "HostFault", "WorkerGone", "WorkerDied"}
    gc.collect()
    assert abs(sys.getrefcount(table) - before) < PLACES // 10
