"""What confines a worker, as ``app-mono doctor`` reads it from the kernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.machine.confinement import Measure, measures
from runner.settings import Settings
from tests.cli.commands import app_mono
from tests.programs import needs_bwrap, until

if TYPE_CHECKING:
    from collections.abc import Iterator


MEASURES = ("user", "group", "privileges", "limits", "variables", "files", "sandbox", "scripts")


def test_doctor_tells_each_measure_that_confines_a_worker_and_how_to_have_more() -> None:
    done = app_mono("doctor", "--json")
    told = json.loads(done.stdout)
    by_name = {check["check"]: check for check in told["checks"]}

    assert (done.returncode, told["ok"]) == (0, True)
    assert [check["check"] for check in told["checks"] if check["check"] in MEASURES] == list(MEASURES)
    for name in ("group", "privileges", "limits", "variables", "files"):
        assert by_name[name]["verdict"] == "ok", by_name[name]
    assert "core files 0, open files 256" in by_name["limits"]["text"]
    assert by_name["sandbox"]["verdict"] == by_name["user"]["verdict"] == by_name["scripts"]["verdict"] == "none"
    assert re.search("worker_user", by_name["user"]["text"])
    assert re.search('set sandbox = "bwrap"|not possible here|bubblewrap', by_name["sandbox"]["text"])


@needs_bwrap
def test_doctor_sees_the_sandbox_of_a_worker(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'sandbox = "bwrap"\nscript_dirs = ["{tmp_path}"]\n', "utf-8")

    done = app_mono("doctor", "--config", str(config))

    assert re.search(r"^ok +sandbox +bwrap: ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(rf"^ok +scripts +only below {tmp_path}", done.stdout, re.MULTILINE), done.stdout


@contextmanager
def sleeping(*command: str, keeps: int | None = None) -> Iterator[int]:
    """A process that sleeps, started by this command; it inherits the descriptor ``keeps``."""
    with subprocess.Popen(
        [*command, "sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        pass_fds=() if keeps is None else (keeps,),
    ) as process:  # fmt: skip
        name = Path(f"/proc/{process.pid}/comm")
        until(lambda: name.read_text("utf-8") == "sleep\n", "it sleeps")
        yield process.pid
        process.kill()


def found(pid: int, settings: Settings | None = None) -> dict[str, Measure]:
    return {measure.title: measure for measure in measures(settings or Settings(), pid)}


def test_a_process_in_the_group_of_another_one_is_not_ended_as_a_whole() -> None:
    with sleeping() as pid, sleeping("setsid") as own:
        assert [found(each)["group"].is_in_force for each in (pid, own)] == [False, True]


def test_a_file_that_a_process_inherited_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with kept.open("w", encoding="utf-8") as file, sleeping(keeps=file.fileno()) as pid, sleeping() as other:
        assert found(pid)["files"] == Measure("files", f"inherited: {kept}", is_in_force=False)
        assert found(other)["files"].is_in_force


def test_privileges_that_can_be_gained_are_no_confinement() -> None:
    inherited = "\nNoNewPrivs:\t1\n" in Path("/proc/self/status").read_text("utf-8")
    with sleeping() as pid, sleeping("setpriv", "--no-new-privs") as confined:
        assert found(pid)["privileges"].is_in_force is inherited
        assert found(confined)["privileges"].is_in_force
        assert found(confined)["privileges"].text.startswith("none can be gained (no_new_privs); capabilities: ")


def test_limits_are_those_of_the_kernel_for_that_process() -> None:
    with sleeping("prlimit", "--core=0", "--nofile=64", "--fsize=2097152", "--as=8388608000") as pid:
        limits = found(pid)["limits"]

    assert limits.is_in_force
    assert limits.text.startswith("core files 0, open files 64, file size 2 MiB, address space 8000 MiB, processes ")
    assert "max_address_space_mib" not in limits.text


def test_the_user_and_the_sandbox_are_not_in_force_where_they_are_those_of_the_runner() -> None:
    with sleeping() as pid:
        told = found(pid)

    assert not told["user"].is_in_force
    assert not told["sandbox"].is_in_force
    assert "as this process does" in told["user"].text


def test_script_dirs_are_named(tmp_path: Path) -> None:
    settings = [Settings(), Settings(script_dirs=(tmp_path,)), Settings(script_dirs=())]

    told = [found(os.getpid(), each)["scripts"] for each in settings]

    assert [each.is_in_force for each in told] == [False, True, True]
    assert [each.text.partition(",")[0] for each in told[1:]] == [f"only below {tmp_path}", "only below none"]


def test_a_worker_that_has_gone_is_an_error() -> None:
    with sleeping() as pid:
        pass

    with pytest.raises(OSError, match="No such file"):
        measures(Settings(), pid)
