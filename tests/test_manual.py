"""Manual pages and completion, as the package gets them: made now, from the commands that there are now."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main

from runner.cli.app import app
from tests.places import ROOT
from tools.manual import COMPLETION, completion

if TYPE_CHECKING:
    from collections.abc import Iterator

BASH = shutil.which("bash") or "bash"


def commands() -> Iterator[tuple[str, list[str]]]:
    """The name of each command's page, and its options; what typer has, without its help."""
    waiting = [("app-mono", typer.main.get_command(app))]
    for name, command in waiting:
        yield name, [word for each in command.params for word in each.opts if word.startswith("--")]
        waiting += [(f"{name}-{inner}", each) for inner, each in getattr(command, "commands", {}).items()]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of each page by its name, as man(1) shows it but for lines and fonts."""
    assert shutil.which("help2man"), "help2man is not installed: make test-packages installs it"
    directory = tmp_path_factory.mktemp("manual")
    subprocess.run([sys.executable, "-m", "tools.manual", str(directory)], cwd=ROOT, check=True)
    pages = {page.stem: page.read_text("utf-8") for page in (directory / "man").iterdir()}
    return {name: re.sub(r"\\f.", "", text).replace(r"\-", "-") for name, text in pages.items()}


def test_each_command_has_a_page_with_each_of_its_options(pages: dict[str, str]) -> None:
    expected = dict(commands())

    assert pages.keys() == expected.keys()
    assert {"app-mono-serve", "app-mono-pv-get"} <= pages.keys()
    missing = [
        (name, word) for name, words in expected.items() for word in words if not re.search(rf"{word}\b", pages[name])
    ]
    assert missing == []


def test_a_page_says_what_the_help_says(pages: dict[str, str]) -> None:
    page = pages["app-mono-drain"]

    assert ".SH NAME\napp-mono-drain - End the daemon; workers that clients hold go on serving them" in page
    assert ".B app-mono\n" in page
    assert "\n--socket PATH\nThe daemon's control socket.\n" in page


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    file = tmp_path / "app-mono"
    file.write_text(completion("bash"), "utf-8")
    program = Path(sys.executable).with_name("app-mono")

    def completed(*words: str) -> list[str]:
        code = '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _app_mono_completion "$1"; echo "${COMPREPLY[@]}"'
        asked = [BASH, "-c", code, str(file), str(program), *words]
        return subprocess.run(asked, env=os.environ, capture_output=True, text=True, check=True).stdout.split()

    assert completed("kama") == ["kamailio-cfg"]
    assert {"--kemi", "--toml", "--service"} <= set(completed("kamailio-cfg", "--"))


def test_zsh_finds_whose_completion_it_is_in_the_first_line() -> None:
    assert completion("zsh").startswith("#compdef app-mono\n")
    assert COMPLETION.keys() == {"bash", "zsh"}
