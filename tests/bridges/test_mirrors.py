"""The directories by which bridges lead scripts to their data files: made for a load, removed with the build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runtimes import java
from runner.scripts.generation import Part
from tests.bridges import node, pythons
from tests.bridges.started import Started, soon
from tests.data_files import NAMED, SCRIPTS
from tests.places import INVITE
from tests.siblings import SIBLINGS, Language, each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

*_, JAVA = SIBLINGS


@pytest.fixture
def worker(language: Language, tmp_path: Path) -> Iterator[Started]:
    commands = {"python": pythons.COMMAND, "node": node.COMMAND}
    with Started(commands.get(language.runtime) or java.command(java.ensure()), tmp_path) as process:
        yield process


def saved(worker: Started, directory: Path, suffix: str, number: int, *, works: bool = True) -> tuple[Path, Part]:
    """A script, and the copy of its file with this number."""
    script, data = directory / f"Reads{suffix}", directory / NAMED
    data.write_text(str(number), "ascii")
    script.write_text(SCRIPTS[suffix] if works else "no script (", "utf-8")
    return script, worker.copy(data)


def made(directory: Path) -> list[str]:
    """What is there of builds with data files."""
    names = (path.name for path in (directory / "builds").iterdir())
    return [name for name in names if name.startswith("files-") or name.endswith("-beside")]


@each()
def test_a_build_that_is_replaced_or_does_not_load_leaves_no_directory(
    language: Language, worker: Started, tmp_path: Path
) -> None:
    for number in (3, 4, 5):
        script, data = saved(worker, tmp_path, language.suffix, number)
        generation = worker.loaded(script, files={NAMED: data})
        assert worker.conversation.exec(generation, None, MessageHost(INVITE), soon()).code == number
        assert len(made(tmp_path)) == 1

    script, data = saved(worker, tmp_path, language.suffix, 6, works=False)
    with pytest.raises(ScriptInvalid):
        worker.loaded(script, files={NAMED: data})
    assert len(made(tmp_path)) == 1

    script, _ = saved(worker, tmp_path, language.suffix, 7)
    worker.loaded(script)
    assert made(tmp_path) == []


@each()
def test_what_is_no_copy_is_no_data_file(language: Language, worker: Started, tmp_path: Path) -> None:
    script, _ = saved(worker, tmp_path, language.suffix, 3)

    with pytest.raises(ScriptInvalid, match=r"expected the SHA-256 of a copy, not \.\./log$"):
        worker.loaded(script, files={NAMED: Part("", "../log")})


@each()
def test_a_script_whose_files_cannot_be_linked_is_an_error_with_the_reason(
    language: Language, worker: Started, tmp_path: Path
) -> None:
    script, data = saved(worker, tmp_path, language.suffix, 3)
    name = "x" * 300  # longer than a file system takes

    with pytest.raises(ScriptInvalid, match=rf"^{script}: its files cannot be linked: .*ame too long"):
        worker.loaded(script, files={name: data})

    assert made(tmp_path) == []


@JAVA.needed
def test_a_name_beyond_the_locale_of_java_is_an_error_and_the_worker_lives(tmp_path: Path) -> None:
    environment = {"LC_ALL": "C"}
    with Started(java.command(java.ensure()), tmp_path, environment=environment) as worker:
        script, data = saved(worker, tmp_path, JAVA.suffix, 3)

        with pytest.raises(ScriptInvalid, match=rf"^{script}: its files cannot be linked: .*z\u00e4hl\.txt"):
            worker.loaded(script, files={"z\u00e4hl.txt": data})
        generation = worker.loaded(script, files={NAMED: data})
        assert worker.conversation.exec(generation, None, MessageHost(INVITE), soon()).code == 3
