"""
Manual pages and shell completion of ``app-mono``, made from the commands' own help.

``python -m tools.manual DIRECTORY`` writes ``man/app-mono.1``, ``man/app-mono-COMMAND.1`` for each command and each
command of a group, ``bash`` and ``zsh``. help2man turns what ``--help`` prints into a page. The two completions ask the
program itself at each Tab, so they know what the installed version knows.

Must not know any command by name.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

PROGRAM = "app-mono"
COMPLETION = {"bash": "source_bash", "zsh": "source_zsh"}
WIDE = 10_000  # columns: a text on one line, for man(1) to break

if TYPE_CHECKING:
    from collections.abc import Iterator


def pages() -> Iterator[tuple[str, str, str]]:
    """Each page, the program's own first: its name, what it is about in one line, and the help."""
    os.environ["TYPER_USE_RICH"] = "0"  # read when typer is imported
    import typer.main  # noqa: PLC0415 - as above

    from runner.cli.app import app  # noqa: PLC0415 - as above

    yield from _pages_of(typer.main.get_command(app).make_context(PROGRAM, [], resilient_parsing=True))


def _pages_of(context: Any) -> Iterator[tuple[str, str, str]]:
    context.terminal_width = context.max_content_width = WIDE
    command = context.command
    about = (command.help or "").partition("\n")[0].strip().removesuffix(".")
    # A blank at the start of a line makes it an example to help2man; the lines of lists have two columns.
    text = re.sub(r"^  (?=\S+(?: \S+)*$)", "", context.get_help(), flags=re.MULTILINE)
    yield context.command_path.replace(" ", "-"), about, text
    for name, inner in getattr(command, "commands", {}).items():
        yield from _pages_of(inner.make_context(name, [], parent=context, resilient_parsing=True))


def write_page(name: str, about: str, text: str, directory: Path) -> None:
    """Write ``NAME.1`` into a directory. help2man runs a program, so it is given one that prints the text."""
    with tempfile.TemporaryDirectory() as aside:
        stand_in = Path(aside) / name
        stand_in.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(text)}\n", "utf-8")
        stand_in.chmod(0o755)
        command = ["help2man", "--no-info", "--section=1", "--locale=C.UTF-8", f"--name={about}", f"--output={name}.1"]
        command += ["--manual=User Commands", f"--source={PROGRAM}", f"--version-string={version(PROGRAM)}"]
        subprocess.run([*command, stand_in], cwd=directory, check=True)


def completion(shell: str) -> str:
    """What makes this shell ("bash" or "zsh") complete the program's commands and options."""
    environment = os.environ | {f"_{PROGRAM.upper().replace('-', '_')}_COMPLETE": COMPLETION[shell]}
    code = "from runner.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    # zsh reads the first line to learn whose completion a file is, and runs the file as the function at the first Tab.
    return done.stdout.strip() + ('\n\n_app_mono_completion "$@"\n' if shell == "zsh" else "\n")


def main() -> None:
    """As the module says."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.manual DIRECTORY")
    directory = Path(sys.argv[1])
    (directory / "man").mkdir(parents=True, exist_ok=True)
    for page in pages():
        write_page(*page, directory / "man")
    for shell in COMPLETION:
        (directory / shell).write_text(completion(shell), "utf-8")


if __name__ == "__main__":
    main()
