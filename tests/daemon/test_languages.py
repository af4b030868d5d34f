"""A daemon with scripts of several runtimes: who serves them, and what holds when one of them is missing."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from runner.client.lease import Lease
from runner.errors import PoolExhausted
from tests.daemon.leases import LONG_S, RETURNS, run
from tests.data_files import NAMED, SCRIPTS
from tests.programs import until
from tests.running_daemon import RunningDaemon, app_mono, compiled
from tests.siblings import SIBLINGS, Language, each

SEVEN = {
    ".py": "def main():\n    return 7\n",
    ".js": "exports.main = () => 7;\n",
    ".java": "class Seven { public static int main(String[] args) { return 7; } }\n",
}
PATIENT = f"exec_timeout_s = {LONG_S}\nallocate_timeout_s = {LONG_S}\nmax_workers = 2\n"


def seven(daemon: RunningDaemon, suffix: str) -> Path:
    script = daemon.scripts / f"Seven{suffix}"
    script.write_text(SEVEN[suffix], encoding="ascii")
    return script


def test_a_runtime_that_is_not_installed_is_named_with_its_package_and_the_others_serve(tmp_path: Path) -> None:
    tables = "".join(f'\n[runtimes.{one.runtime}]\ncommand = ["no-such-{one.program}"]' for one in SIBLINGS)
    with RunningDaemon(tmp_path, PATIENT + tables) as daemon:
        mono = compiled(daemon.scripts, "Seven", RETURNS.format(7))
        lease = Lease(str(daemon.socket))
        assert run(lease, mono) == 7

        for language in SIBLINGS:
            with pytest.raises(PoolExhausted, match=f"apt-get install --no-install-recommends {language.package}"):
                run(lease, seven(daemon, language.suffix))
            assert run(lease, mono) == 7

        lines = [f"apt-get install --no-install-recommends {one.package}" for one in SIBLINGS]
        until(lambda: all(line in daemon.log() for line in lines), "each is named in the log")
        log = daemon.log()
        lease.close()
    assert "Traceback" not in log


@each()
def test_a_worker_lives_on_when_its_daemon_dies(tmp_path: Path, language: Language) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        script, lease = seven(daemon, language.suffix), Lease(str(daemon.socket))

        before = run(lease, script)
        daemon.kill()
        codes = [run(lease, script) for _ in range(20)]
        lease.close()

    assert before == 7
    assert codes == [7] * 20


@each()
def test_a_file_that_a_setting_names_belongs_to_the_build_after_a_reload_and_a_change_is_live(
    tmp_path: Path, language: Language
) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        script, data = daemon.scripts / f"Reads{language.suffix}", daemon.scripts / NAMED
        lease = Lease(str(daemon.socket))
        script.write_text(SCRIPTS[language.suffix].partition("\n")[2], "utf-8")
        data.write_text("7", "ascii")
        here = str(daemon.scripts)
        assert run(lease, script, here) == 99, "without the setting"

        settings = f'{daemon.config.read_text("utf-8")}\n[scripts."{script}"]\nfiles = ["{NAMED}"]\n'
        daemon.config.write_text(settings, "utf-8")
        told = app_mono("reload", "--socket", str(daemon.socket))
        codes = [run(lease, script, here)]
        for number in (8, 9):
            data.write_text(str(number), "ascii")
            codes.append(run(lease, script, here))
        lease.close()

    assert told.returncode == 0, told.stderr
    assert codes == [7, 8, 9]


USES_HELPER = {
    ".py": ("from lib import number\n\ndef main():\n    return number.NUMBER\n", "lib/number.py", "NUMBER = 9\n"),
    ".js": ('exports.main = () => require("./lib").number;\n', "lib/index.js", "exports.number = 9;\n"),
    ".java": (
        "class Seven { public static int main(String[] args) { return lib.Number.NUMBER; } }\n",
        "lib/Number.java",
        "package lib;\npublic class Number { public static final int NUMBER = 9; }\n",
    ),
}


@each()
def test_a_client_with_the_only_worker_loads_a_script_that_has_got_a_helper(tmp_path: Path, language: Language) -> None:
    """No worker of the daemon is free to find out what it needs, so the client's own one asks for the helper."""
    text, helper, content = USES_HELPER[language.suffix]
    with (
        RunningDaemon(tmp_path, PATIENT.replace("max_workers = 2", "num_workers = 1\nmax_workers = 1")) as daemon,
        contextlib.closing(Lease(str(daemon.socket))) as lease,
    ):
        script = seven(daemon, language.suffix)
        assert run(lease, script) == 7

        (daemon.scripts / "lib").mkdir()
        (daemon.scripts / helper).write_text(content, encoding="ascii")
        script.write_text(text, encoding="ascii")

        assert run(lease, script) == 9


def test_a_client_keeps_a_worker_of_each_runtime_that_it_runs_in_turns(tmp_path: Path) -> None:
    """It used to exchange its worker at each change of the runtime, which took as long as eight execs."""
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        mono, python = compiled(daemon.scripts, "Seven", RETURNS.format(7)), seven(daemon, ".py")
        with contextlib.closing(Lease(str(daemon.socket))) as lease:
            assert [run(lease, script) for script in (mono, python) * 3] == [7] * 6
            first = lent(daemon)
            assert [run(lease, script) for script in (mono, python) * 20] == [7] * 40

            assert lent(daemon) == first
            assert sorted(first) == ["mono", "python"]
            assert daemon.status()["users"] == 1
        until(lambda: not lent(daemon), "all are given back")


def test_what_runs_in_the_one_is_as_fresh_and_as_safe_as_what_runs_in_the_other(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        mono, python = compiled(daemon.scripts, "Seven", RETURNS.format(7)), seven(daemon, ".py")
        with contextlib.closing(Lease(str(daemon.socket))) as lease:
            assert [run(lease, script) for script in (mono, python)] == [7, 7]
            before = lent(daemon)

            python.write_text("def main():\n    return 8\n", encoding="ascii")
            assert [run(lease, script) for script in (mono, python, mono)] == [7, 8, 7]
            os.kill(before["python"], signal.SIGKILL)
            until(lambda: not Path(f"/proc/{before['python']}").exists(), "it has ended and is reaped")
            assert [run(lease, script) for script in (mono, python, mono)] == [7, 8, 7]
            after = lent(daemon)

    assert after["mono"] == before["mono"]
    assert after["python"] != before["python"]


def test_workers_of_every_runtime_are_replaced_by_a_reset_also_the_one_that_is_not_in_use(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        mono, python = compiled(daemon.scripts, "Seven", RETURNS.format(7)), seven(daemon, ".py")
        with contextlib.closing(Lease(str(daemon.socket))) as lease:
            assert [run(lease, script) for script in (python, mono)] == [7, 7]
            before = lent(daemon)

            app_mono("reset", "--socket", str(daemon.socket))
            until(lambda: run(lease, mono) == 7 and before["python"] not in lent(daemon).values(), "it is given back")
            until(lambda: not Path(f"/proc/{before['python']}").exists(), "and ends")
            until(lambda: run(lease, mono) == 7 and before["mono"] not in lent(daemon).values(), "so is the other one")
            assert run(lease, python) == 7


def test_a_new_daemon_replaces_the_workers_of_both(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        mono, python = compiled(daemon.scripts, "Seven", RETURNS.format(7)), seven(daemon, ".py")
        with contextlib.closing(Lease(str(daemon.socket))) as lease:
            assert [run(lease, script) for script in (python, mono)] == [7, 7]
            app_mono("drain", "--socket", str(daemon.socket))
            daemon.wait()
            assert [run(lease, script) for script in (python, mono) * 3] == [7] * 6
            daemon.start()

            until(
                lambda: [run(lease, script) for script in (python, mono)] == [7, 7] and len(lent(daemon)) == 2,
                "it has a worker of each from the new daemon",
            )


def lent(daemon: RunningDaemon) -> dict[str, int]:
    """The workers that this process holds, by their runtime."""
    found = {str(one["runtime"]): one["pid"] for one in daemon.workers() if one["client"] == os.getpid()}
    return {runtime: pid for runtime, pid in found.items() if isinstance(pid, int)}
