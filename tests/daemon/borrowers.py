"""Clients that hold workers, without processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runner.daemon.borrower import Client, Loan
from runner.scripts.generation import Generation, Part
from runner.worker.holdings import Holdings

if TYPE_CHECKING:
    from runner.control.connection import Control
    from runner.pool.slot import Slot


ONE, OTHER, THIRD = 1001, 1002, 1003


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lent:
    """A slot whose worker is lent, with what it has loaded."""

    node = ""

    def __init__(self, *loaded: Generation) -> None:
        self.living = self
        self.holdings = Holdings(loaded={generation.path: generation for generation in loaded})

    def loan(self) -> Loan:
        return Loan("1", cast("Slot", self), 0.0)


def build(path: str, name: str, runtime: str = "") -> Generation:
    return Generation.of(path, Part(path, name), None, None, {}, runtime)


def client(uid: int = ONE, workers: int = 0) -> Client:
    made = Client(cast("Control", None), 1, uid)
    made.loans = {str(number): Lent().loan() for number in range(workers)}
    return made
