"""
One try to load a build, and what follows: it is accepted, extended by what it needs, or rejected.

Standard library only, as a child of Kamailio imports it. Must not know who loads where, nor who looks for helpers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import ScriptInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation


def try_load(
    load: Callable[[Generation], tuple[str, ...]],
    generation: Generation,
    *,
    accept: Callable[[Generation], object],
    extend: Callable[[Generation, tuple[str, ...]], Generation],
    reject: Callable[[Generation, ScriptInvalid], Generation] | None = None,
) -> Generation:
    """
    Load a build once, and give the build to go on with.

    Args:
        load: Loads it, as ``Worker.load`` does: gives the names that it needs beside its helpers, or raises
            ``ScriptInvalid``.
        generation: The build.
        accept: Called when it is loaded.
        extend: Called with the names that it needs; gives the build that has them.
        reject: Called when it cannot be loaded; gives the build that serves instead. None: the error is raised.

    Returns:
        The same build when it is loaded now; else another one, which nobody has tried to load here.

    Raises:
        ScriptError: There is nothing to go on with.
        WorkerError: The worker was lost; whoever called this counts that.
    """
    try:
        needs = load(generation)
        if needs and generation.helpers.keys() >= set(needs):
            again = f"{generation.path}: its worker asks again for {needs[0]!a:.80}"
            raise ScriptInvalid(again)  # noqa: TRY301 - as if it had said so itself; else it would ask without end
    except ScriptInvalid as error:
        if reject is None:
            raise
        return reject(generation, error)
    if needs:
        return extend(generation, needs)
    accept(generation)
    return generation
