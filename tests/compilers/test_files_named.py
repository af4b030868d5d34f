"""Files that sources in VB.NET, F# and C# 8 say they read: they belong to the build, as those of C# do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.errors import BuildError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.data_files import NAMED, SCRIPTS
from tests.places import INVITE
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("compilers")

CSHARP8 = f"// app-mono: -langversion:8\n{SCRIPTS['.cs']}"
PATIENT = Settings(max_workers=1, spare_workers=0, allocate_timeout_s=WAIT_S, exec_timeout_s=WAIT_S)

EXPECTED = "expected -r:NAME.dll, -unsafe, -langversion:VERSION, -define:NAME or -file:NAME, but "

each = pytest.mark.parametrize(
    ("name", "text", "line"),
    [("Reads.vb", SCRIPTS[".vb"], 1), ("Reads.fs", SCRIPTS[".fs"], 1), ("Reads.cs", CSHARP8, 2)],
)


@each
def test_a_change_of_the_file_is_a_new_build(tmp_path: Path, name: str, text: str, line: int) -> None:  # noqa: ARG001 - of the others
    """Roslyn's compilers left the names out of the assembly."""
    source, data = tmp_path / name, tmp_path / NAMED
    source.write_text(text, "utf-8")
    data.write_text("7", "ascii")
    script = publish(compile_script(source), tmp_path)
    seen, builds = [], set()

    with Runner(PATIENT) as runner:
        for number in (7, 8):
            data.write_text(str(number), "ascii")
            for _ in range(2):
                result = runner.mono_exec(str(script), str(tmp_path), host=MessageHost(INVITE))
                seen.append((result.exit_code, result.error))
            builds.add(runner.scripts.current(str(script)).id)

    assert seen == [(7, None), (7, None), (8, None), (8, None)]
    assert len(builds) == 2


@each
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("-file:gone.txt", "there is no file {directory}/gone.txt"),
        (
            "-file:../numbers.txt",
            "expected -r:NAME.dll, -unsafe, -langversion:VERSION, -define:NAME or -file:NAME, but ",
        ),
        ("-fiel:numbers.txt", EXPECTED),
    ],
)
def test_what_cannot_be_a_file_of_the_build_is_an_error_with_its_place(  # noqa: PLR0917 - parameters of both tables
    tmp_path: Path, name: str, text: str, line: int, word: str, said: str
) -> None:
    source = tmp_path / name
    source.write_text(text.replace("-file:numbers.txt", word), "utf-8")

    with pytest.raises(BuildError) as refused:
        compile_script(source)

    column = text.splitlines()[line - 1].index("-file") + 1
    (told,) = refused.value.diagnostics
    assert told.startswith(f"{source}:{line}:{column}: error: app-mono: {said.format(directory=tmp_path)}")
