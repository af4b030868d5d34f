"""
The workers that a client holds: at most one of each runtime, and the one that is in use.

Standard library only, as a child of Kamailio imports it. Must not know scripts, nor when a worker is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.calls import Host
    from runner.control.messages import Report

    from .held import Held
    from .link import Link


MOST_RUNTIMES = 16  # of which a worker is held; a daemon has four, and those of its settings


class Workers:
    """
    What a client holds. For one thread.

    A process that runs scripts of two runtimes in turns keeps a worker of each: to exchange them costs eight execs
    (measured: 0.9 ms, and 0.11 ms for an exec).

    Attributes:
        current: The one in use; None where there is none of the runtime that is wanted.
        node: The machine of the one that was in use last, as people call it; "" for this one.
    """

    __slots__ = ("_by_runtime", "current", "node")

    def __init__(self) -> None:
        self.current: Held | None = None
        self.node = ""
        self._by_runtime: dict[str, Held] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._by_runtime.values()))

    @property
    def in_use(self) -> Held:
        """The one in use, where there is one."""
        assert self.current is not None  # noqa: S101
        return self.current

    def use(self, runtime: str) -> Held | None:
        """From now on the one of this runtime is in use; None: there is none."""
        self.current = held = self._by_runtime.get(runtime)
        if held is not None:
            self.node = held.node
        return held

    def add(self, held: Held) -> None:
        """It is in use from now on; there is no other one of its runtime."""
        self._by_runtime[held.runtime] = self.current = held
        self.node = held.node

    def replace(self, held: Held, link: Link) -> None:
        """It is in use from now on, and the one of its runtime is given back, where there is one."""
        self.use(held.runtime)
        self.release(link)
        for other in list(self)[: max(0, len(self._by_runtime) - MOST_RUNTIMES + 1)]:
            self.use(other.runtime)  # the one that was taken first
            self.release(link)
        self.add(held)

    def drop(self) -> Held | None:
        """Forget the one in use, and return it to be passed on; None: there is none."""
        held, self.current = self.current, None
        if held is not None:
            del self._by_runtime[held.runtime]
        return held

    def leave(self, link: Link, reason: str, host: Host) -> int:
        """Hand the one in use to the daemon when it was not done with its first run of a build, as ``Held.leave``.

        Returns:
            Its pid; 0 where that cannot be. Its wire then is this process's as before.
        """
        held = self.drop()
        if held is None:
            return 0
        if not held.leave(link, reason, host):
            self.add(held)
            return 0
        return held.conversation.pid

    def drop_first_run(self, link: Link) -> None:
        """As ``Held.drop_first_run``, of the one in use, where there is one."""
        if self.current is not None:
            self.current.drop_first_run(link)

    def report(self) -> Report | None:
        """That of the one in use, or of another; None where there is none."""
        held = self.current or next(iter(self), None)
        return None if held is None else held.report()

    def want_back(self, lease: str, reason: str) -> Held | None:
        """The daemon wants one back; None where that one is not held."""
        for held in self:
            if held.lease == lease:
                held.wanted_back = reason
                return held
        return None

    def release(self, link: Link) -> None:
        """Give back the one in use. Where nobody takes it, its wire is closed and it ends itself."""
        held = self.drop()
        if held is not None:
            held.release(link)

    def release_all(self, link: Link) -> None:
        """Give back all of them."""
        for held in self:
            self.use(held.runtime)
            self.release(link)

    def release_unused(self, link: Link) -> None:
        """Give back what the daemon wants, but for the one in use: that is exchanged for a better one."""
        for held in self:
            if held.wanted_back and held is not self.current:
                del self._by_runtime[held.runtime]
                held.release(link)
