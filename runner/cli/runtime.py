"""``app-mono runtime check``: whether a worker of somebody's own speaks the wire, transcript by transcript."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runner.errors import ConfigError

from . import show
from .ending import guarded
from .outcome import FALSE, TRUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.runtimes.check import Verdict

LONGEST_LINE = 2000  # characters of a line of the wire that are shown
LAST_LINES = 20  # of a worker's log

app = typer.Typer(no_args_is_help=True, help="Runtimes that scripts run in.")


@app.callback()
def common() -> None:
    """Runtimes that scripts run in."""


@app.command("check", epilog="Exit status: 0 all that was played is right; 1 something is wrong; 2 bad usage.")
def check(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="The worker, without what app-mono adds.")],
    *,
    scripts: Annotated[
        str | None, typer.Option(metavar="DIR", help="Your scripts for the transcripts.", show_default="app-mono's own")
    ] = None,
    suffix: Annotated[str, typer.Option(metavar=".EXT", help="How the names of scripts end.")] = ".py",
    timeout: Annotated[float, typer.Option(min=0.001, metavar="S", help="Longest wait for a line, seconds.")] = 30,
) -> None:
    """Play the transcripts with a worker of your own, and say line by line what it does wrong."""
    guarded(lambda: play_all(command, scripts, suffix, timeout))


def play_all(command: Sequence[str], scripts: str | None, suffix: str, patience_s: float) -> int:
    """
    Play the transcripts with a worker; 1 when it says anything else.

    Args:
        command: The worker, without the arguments that the runner adds.
        scripts: The directory with the scripts of the transcripts; None: those that come with app-mono.
        suffix: How their names end.
        patience_s: The longest wait for a line.

    Raises:
        ConfigError: There are no such scripts, or there is no such program.
    """
    from runner.runtimes.check import check as checked  # noqa: PLC0415 - other commands need none of it, and stay quick
    from runner.runtimes.transcripts import language  # noqa: PLC0415 - the same

    if scripts is not None and not Path(scripts).is_dir():
        raise ConfigError(f"--scripts {scripts}: expected a directory")
    if shutil.which(command[0]) is None:
        raise ConfigError(f"{command[0]}: expected a program that can be started")
    verdicts = []
    for verdict in checked(command, language(suffix, None if scripts is None else Path(scripts)), patience_s):
        _show(verdict)
        verdicts.append(verdict)
    wrong = sum(verdict.wrong is not None for verdict in verdicts)
    left_out = sum(bool(verdict.left_out) for verdict in verdicts)
    right = len(verdicts) - wrong - left_out
    show.note(f"{right} right, {wrong} wrong, {left_out} left out; docs/protocol.md says what is spoken")
    return FALSE if wrong else TRUE


def _show(verdict: Verdict) -> None:
    transcript, wrong = verdict.transcript, verdict.wrong
    state = "left out" if verdict.left_out else "right" if wrong is None else "wrong"
    show.line(f"{transcript.name:20}{state:10}{verdict.left_out or transcript.about}")
    if wrong is not None:
        show.line(f"    line {wrong.row} of {transcript.name}.jsonl")
        show.line(f"    expected  {_cut(wrong.expected)}")
        show.line(f"    got       {_cut(wrong.got)}")
        for line in verdict.log.splitlines()[-LAST_LINES:]:
            show.line(f"    its log   {_cut(line)}")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} ..."
