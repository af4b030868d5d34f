"""``app-mono serve --sip`` with sources in VB.NET, F# and C# 8: compiled at the start and at every save."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import PLAIN
from tests.cli.test_listen import listening, status_of_the_answer
from tests.programs import until

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    "X.vb": "Public Module X\nFunction Main() As Integer\nReturn 0\nEnd Function\nEnd Module\n",
    "X.fs": "module X\n[<EntryPoint>]\nlet main _ = 0\n",
    "X.cs": "// app-mono: -langversion:8\nclass X { static int Main() => 1 switch { 1 => 0, _ => 2 }; }\n",
}
TRUE, FALSE = "SIP/2.0 200 True", "SIP/2.0 404 False"
ANSWERS = ("--on-true", "reply:200:True", "--on-false", "reply:404:False")


@pytest.mark.usefixtures("compilers")
@pytest.mark.parametrize(("name", "text"), SOURCES.items(), ids=SOURCES)
def test_a_save_is_live_and_what_does_not_compile_changes_nothing(tmp_path: Path, name: str, text: str) -> None:
    source, log = tmp_path / name, tmp_path / "listener.log"
    source.write_text(text, "utf-8")
    env = {**PLAIN, "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}

    with listening(tmp_path, "", "--exec", str(source), *ANSWERS, env=env) as peer:
        assert status_of_the_answer(peer) == TRUE

        source.write_text(text.replace("0", "5"), "utf-8")
        until(lambda: status_of_the_answer(peer) == FALSE, "the save is live")

        source.write_text(text.replace("0", "missing"), "utf-8")
        until(lambda: status_of_the_answer(peer) == FALSE and f"{source}:" in log.read_text("utf-8"), "it is told")
        assert ": error " in log.read_text("utf-8")

        source.write_text(text, "utf-8")
        until(lambda: status_of_the_answer(peer) == TRUE, "it is mended")
