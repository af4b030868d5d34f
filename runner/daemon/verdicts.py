"""
What clients say of builds: that one loads, that it does not, what it needs, that it took a worker with it.

What a trusted client says counts for all. What another one says counts for clients of the same user, or is tried on a
worker that no client ever had: one user must not be able to take a script away from another. Must not know who holds
which worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import PoolExhausted, ScriptInvalid, WorkerError, WorkerGone
from runner.worker.loading import try_load

from . import reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.control.messages import LeaseRequest, Loaded
    from runner.runner import Runner
    from runner.scripts.generation import Generation, Helper

    from .borrower import Client


def meant(runner: Runner, generation: Generation, names: Sequence[str], *, is_trusted: bool) -> tuple[str, ...]:
    """
    The names, of those that a client's worker asks for, that are looked for beside the script.

    Args:
        runner: Has the copies of the build's files.
        generation: The build.
        names: What the client says.
        is_trusted: Whether it may name any file there; another one those to which the build refers.
    """
    if is_trusted:
        return tuple(names[: reports.MAX_NEEDS])
    mentions = runner.runtimes.named(generation.runtime).mentions
    return reports.mentioned(generation, names, runner.scripts.copy_of, mentions)


class Verdicts:
    """
    Hears what clients say of builds. Safe to use from several threads.

    Args:
        runner: Knows the scripts, has workers to try them on, and counts losses.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def of_load(self, client: Client, generation: Generation, request: LeaseRequest) -> Generation:
        """
        What runs after a client tried to load a build: it with its helpers, or the one before it.

        Args:
            client: It holds a worker of ours.
            generation: The build that is current.
            request: What it asks, with ``needs`` or ``rejected`` where it could not load a build.

        Raises:
            ScriptError: Nothing can run.
        """
        if (needs := request.needs) is not None:
            known = client.known.get(needs.generation, generation)
            if names := meant(self._runner, known, needs.names, is_trusted=client.is_trusted):
                generation = self._runner.scripts.extend(known, names)
        if (rejected := request.rejected) is not None:
            error = ScriptInvalid(rejected.message, rejected.detail)
            if (tried := client.known.get(rejected.generation)) is not None:
                return self._instead(client, tried, error)
        # It said so before, while there was no worker to try the build on.
        before = client.rejected.get(generation.id)
        return self._instead(client, generation, before) if before is not None else generation

    def plugin(self, client: Client, generation_id: str, name: str) -> Helper | None:
        """An assembly beside a script that a client runs, which the script loads by its simple name."""
        generation = client.known.get(generation_id)
        if generation is None or not client.loans:
            return None
        is_meant = meant(self._runner, generation, [name], is_trusted=client.is_trusted)
        return self._runner.scripts.plugin(generation, name) if is_meant else None

    def loaded(self, client: Client, notice: Loaded) -> None:
        """A client says that a build loads."""
        generation = client.known.get(notice.generation)
        # Of others it is not needed: upkeep also loads what is in use on a worker that was never lent.
        if generation is not None and client.loans and client.is_trusted:
            if generation.entries is None:
                generation.learn_entries(notice.entries)
            self._runner.scripts.accept(generation)

    def lost(self, client: Client, taken_by: str | None, call_id: str | None) -> bool:
        """A client says what took its worker; whether messages of that Call-ID are refused from now on."""
        generation = None if taken_by is None else client.known.get(taken_by)
        return generation is not None and self._runner.poison.note(generation, call_id, client.counts_for)

    def _instead(self, client: Client, generation: Generation, error: ScriptInvalid) -> Generation:
        """
        What runs instead of a build that a client could not load.

        Raises:
            ScriptError: There is nothing.
        """
        scripts = self._runner.scripts
        if client.is_trusted:
            return scripts.reject(generation, error)
        try:
            judged = try_load(
                self._runner.pools.of(generation.runtime).upkeep.try_out,
                generation,
                accept=scripts.accept,
                extend=scripts.extend,
                reject=scripts.reject,
            )
        except (PoolExhausted, WorkerError) as unjudged:
            if not isinstance(unjudged, PoolExhausted | WorkerGone):
                self._runner.poison.note(generation)
            # Nobody could judge it, so it is refused to this client alone.
            client.reject(generation.id, error)
            good = scripts.good(generation.path)
            if good is None or good.id == generation.id:
                raise error from None
            return good
        client.rejected.pop(generation.id, None)
        return judged
