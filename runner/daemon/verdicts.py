"""
What clients say of builds: that one loads, that it does not, what it needs, that it took a worker with it.

The word of a trusted client counts for all. Anybody else's counts for clients of the same user, or is tried on a worker
that no client ever had: one user must not be able to take a script from another. Must not know who holds which worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.errors import ScriptInvalid, WorkerError, WorkerGone

from . import reports

if TYPE_CHECKING:
    from runner.runner import Runner
    from runner.scripts.generation import Generation, Helper

    from .borrower import Client


class Verdicts:
    """
    Hears what clients say of builds. Safe to use from several threads.

    Args:
        runner: Knows the scripts, has workers to try them on, and counts what was lost.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def of_load(self, client: Client, generation: Generation, params: dict[str, Any]) -> Generation:
        """
        What runs after a client tried to load a build: it with its helpers, or the one before it.

        Args:
            client: It holds a worker of ours.
            generation: The build that is current.
            params: Its request, with ``needs`` or ``rejected`` where it could not load a build.

        Raises:
            ScriptError: Nothing can run.
        """
        if (needs := params.get("needs")) is not None:
            known = client.told.get(needs["generation"], generation)
            if names := reports.mentioned(known, needs["names"], self._runner.scripts.copy_of):
                generation = self._runner.scripts.extend(known, names)
        if (rejected := params.get("rejected")) is not None:
            error = ScriptInvalid(str(rejected["message"]), str(rejected["detail"]))
            if (tried := client.told.get(rejected["generation"])) is not None:
                return self._instead(client, tried, error)
        # It was told so before, while there was nothing to try the build on.
        before = client.rejected.get(generation.id)
        return self._instead(client, generation, before) if before is not None else generation

    def plugin(self, client: Client, generation_id: str, name: str) -> Helper | None:
        """An assembly beside a script that a client runs, which the script loads by its simple name."""
        generation, scripts = client.told.get(generation_id), self._runner.scripts
        if generation is None or not client.loans:
            return None
        is_meant = client.is_trusted or reports.mentioned(generation, [name], scripts.copy_of)
        return scripts.plugin(generation, name) if is_meant else None

    def loaded(self, client: Client, generation_id: str) -> None:
        """A client says that a build loads."""
        generation = client.told.get(generation_id)
        # What nobody's word is needed for: upkeep loads what is in use on a worker that was never lent, too.
        if generation is not None and client.loans and client.is_trusted:
            self._runner.scripts.accept(generation)

    def lost(self, client: Client, taken_by: object, call_id: object) -> bool:
        """A client says what took its worker; whether messages of that Call-ID are refused from now on."""
        generation = client.told.get(taken_by) if isinstance(taken_by, str) else None
        if generation is None:
            return False
        sender = call_id if isinstance(call_id, str) else None
        return self._runner.poison.note(generation, sender, client.counts_for)

    def _instead(self, client: Client, generation: Generation, error: ScriptInvalid) -> Generation:
        """
        What runs instead of a build that a client could not load.

        Raises:
            ScriptError: There is nothing.
        """
        scripts = self._runner.scripts
        if client.is_trusted:
            return scripts.reject(generation, error)
        needs = self._needs(generation)
        if isinstance(needs, ScriptInvalid):
            return scripts.reject(generation, needs)
        if needs is None:
            # The build is refused to this client alone, which may be the only one that cannot load it.
            client.reject(generation.id, error)
            good = scripts.good(generation.path)
            if good is None or good.id == generation.id:
                raise error
            return good
        client.rejected.pop(generation.id, None)
        if needs:
            return scripts.extend(generation, needs)
        scripts.accept(generation)
        return generation

    def _needs(self, generation: Generation) -> tuple[str, ...] | ScriptInvalid | None:
        """What a build needs beside its helpers, or why it cannot be loaded; None: there is nothing to try it on."""
        try:
            return self._runner.upkeep.try_out(generation)
        except ScriptInvalid as error:
            return error
        except WorkerGone:
            return None  # the worker had ended by itself
        except WorkerError:
            self._runner.poison.note(generation)
            return None
