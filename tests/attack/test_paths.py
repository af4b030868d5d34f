"""Naming a path, or putting a file beside a script, brings no foreign code into the daemon's workers."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import RunnerError, ScriptError, ScriptInvalid, ScriptNotFound
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.scripts.current import MOST_NAMES, MOST_SCRIPTS, CurrentScripts
from runner.scripts.script import MOST_HELPERS
from runner.settings import Settings
from tests.attack.users import as_root, new_user
from tests.places import INVITE
from tests.programs import MCS, WAIT_S
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

RETURNS = "static int Main() {{ return {0}; }}"
USES_HELPER = "public class Uses { static int Main() { return H.Value(); } }"
LOADS_PLUGIN = """static int Main() {{
    Type plugin = System.Reflection.Assembly.Load("{0}").GetType("H");
    return (int)plugin.GetMethod("Value").Invoke(null, null); }}"""


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    directory = tmp_path / "allowed"
    directory.mkdir()
    return directory


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    directory = tmp_path / "foreign"
    directory.mkdir()
    return directory


@contextmanager
def running(allowed: Path, **more: Any) -> Iterator[Runner]:
    """A runner that is as strict as a daemon: its scripts must be below a directory."""
    values: dict[str, Any] = {
        "script_dirs": (allowed,),
        "exec_timeout_s": WAIT_S,
        "allocate_timeout_s": WAIT_S,
        "spare_workers": 0,
    }
    with Runner(Settings(**values | more)) as runner:
        yield runner


def strict(allowed: Path, tmp_path: Path) -> CurrentScripts:
    """The part of it that decides what may run."""
    return CurrentScripts(Settings(script_dirs=(allowed,), observer="none"), tmp_path / "run")


def outcome(runner: Runner, script: Path | str) -> int | RunnerError | None:
    """The exit code, or the error."""
    result = runner.mono_exec(str(script).replace("$", "$$"), host=MessageHost(INVITE))
    return result.exit_code if result.error is None else result.error


def helper(directory: Path, value: int, name: str = "H") -> Path:
    """An assembly with a class H whose Value is a number."""
    directory.mkdir(exist_ok=True)
    source = directory / f"{name}.cs"
    source.write_text(f"public class H {{ public static int Value() {{ return {value}; }} }}\n", "utf-8")
    subprocess.run([MCS, "-t:library", f"-out:{source.with_suffix('.dll')}", str(source)], check=True)
    return source.with_suffix(".dll")


def user_of_helper(allowed: Path, dll: Path) -> Path:
    source = allowed / "Uses.cs"
    source.write_text(USES_HELPER, "utf-8")
    subprocess.run([MCS, f"-r:{dll}", f"-out:{allowed / 'Uses.exe'}", str(source)], check=True)
    return allowed / "Uses.exe"


def test_a_link_to_an_allowed_script_adds_no_helper_from_beside_the_link(allowed: Path, foreign: Path) -> None:
    """The real path was checked, but helpers were taken from the directory of the path as given."""
    script = user_of_helper(allowed, helper(allowed, 0))
    helper(foreign, 66)
    (foreign / script.name).symlink_to(script)

    with running(allowed) as runner:
        assert outcome(runner, foreign / script.name) == 0


@pytest.mark.parametrize("leads", ["outside", "to a file that others may write to"])
def test_a_helper_that_is_a_link_is_checked_at_its_target(allowed: Path, foreign: Path, leads: str) -> None:
    script = user_of_helper(allowed, helper(foreign, 66))
    place = helper(allowed / "more", 66) if leads != "outside" else foreign / "H.dll"
    place.chmod(0o666 if leads != "outside" else 0o644)
    (allowed / "H.dll").symlink_to(place)

    with running(allowed) as runner:
        told = str(outcome(runner, script))

    assert ("is not in a directory of script_dirs" if leads == "outside" else "chmod go-w") in told


def test_a_link_among_symbols_and_configs_adds_nothing_from_outside(
    allowed: Path, foreign: Path, tmp_path: Path
) -> None:
    script = compiled(allowed, "X", RETURNS.format(0))
    (foreign / "c").write_text("<configuration/>", "utf-8")
    Path(f"{script}.config").symlink_to(foreign / "c")

    with pytest.raises(ScriptInvalid, match=r"X\.exe\.config \(really .*\): is not in a directory of script_dirs"):
        strict(allowed, tmp_path).current(str(script))


def test_a_script_cannot_be_reached_through_proc(allowed: Path, tmp_path: Path) -> None:
    script = compiled(allowed, "X", RETURNS.format(0))
    holder = os.open(allowed, os.O_RDONLY)
    scripts = strict(allowed, tmp_path)

    for path in (f"/proc/self/fd/{holder}/X.exe", f"/proc/{os.getpid()}/root{script}", f"/proc/self/cwd/..{script}"):
        with pytest.raises(ScriptInvalid, match="/proc"):
            scripts.current(path)
    os.close(holder)


def test_a_link_that_keeps_changing_wins_no_race(allowed: Path, foreign: Path, tmp_path: Path) -> None:
    """After 4 to 21 tries the check used to see one file, and the read another."""
    good = compiled(allowed, "X", RETURNS.format(0)).read_bytes()
    (foreign / "X.exe").write_bytes(compiled(foreign, "Evil", RETURNS.format(66)).read_bytes())
    link, done = tmp_path / "link", threading.Event()
    link.symlink_to(allowed)

    def flip() -> None:
        for number in range(1_000_000):
            (tmp_path / "new").symlink_to((foreign, allowed)[number % 2])
            (tmp_path / "new").replace(link)
            if done.is_set():
                break

    flipping = threading.Thread(target=flip)
    flipping.start()
    seen: set[bytes | bool] = set()
    tries, deadline = 0, time.monotonic() + WAIT_S
    try:
        # A busy machine may give the other thread no time meanwhile.
        while tries < 300 or (len(seen) < 2 and time.monotonic() < deadline):
            tries += 1
            scripts = strict(allowed, tmp_path)
            try:
                seen.add(scripts.copy_of(scripts.current(str(link / "X.exe")).file).read_bytes())
            except ScriptError as error:
                seen.add("is not in a directory" in str(error) or "there is no such file" in str(error))
    finally:
        done.set()
        flipping.join(WAIT_S)

    assert seen == {good, True}


def test_a_script_that_a_link_moves_out_of_its_directory_serves_its_last_good_build(
    allowed: Path, foreign: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (allowed / "v1").mkdir()
    compiled(allowed / "v1", "X", RETURNS.format(0))
    compiled(foreign, "X", RETURNS.format(66))
    (allowed / "current").symlink_to("v1")
    scripts = strict(allowed, tmp_path)
    path = str(allowed / "current" / "X.exe")
    before = scripts.current(path)
    scripts.accept(before)

    (allowed / "new").symlink_to(foreign)
    (allowed / "new").replace(allowed / "current")

    assert scripts.current(path) is before
    assert "is not in a directory of script_dirs" in caplog.text


@pytest.mark.parametrize(
    ("place", "mode"),
    [
        pytest.param("file", 0o664, marks=as_root),  # a user's own group may
        ("file", 0o646),
        ("directory", 0o1777),
        pytest.param("directory", 0o775, marks=as_root),
        ("above", 0o777),
        pytest.param("above", 0o2775, marks=as_root),
    ],
)
def test_a_file_that_others_may_change_does_not_run(allowed: Path, tmp_path: Path, place: str, mode: int) -> None:
    directory = allowed / "site" / "mono"
    directory.mkdir(parents=True)
    script = compiled(directory, "X", RETURNS.format(0))
    changed = {"file": script, "directory": directory, "above": directory.parent}[place]
    changed.chmod(mode)

    with pytest.raises(ScriptInvalid) as refused:
        strict(allowed, tmp_path).current(str(script))

    assert f"{changed} belongs to" in str(refused.value)
    assert f"{mode:04o}" in str(refused.value)
    changed.chmod(0o755)
    assert strict(allowed, tmp_path).current(str(script)).path == str(script)


@as_root
def test_a_script_or_helper_of_another_user_does_not_run(allowed: Path) -> None:
    script = user_of_helper(allowed, helper(allowed, 0))

    with new_user() as user, running(allowed) as runner:
        os.chown(allowed / "H.dll", user.uid, user.gid)
        of_helper = str(outcome(runner, script))
        os.chown(script, user.uid, user.gid)
        of_script = str(outcome(runner, script))
        os.chown(script, 0, 0)
        os.chown(allowed / "H.dll", 0, 0)

        assert f"{allowed / 'H.dll'} belongs to {user.name}" in of_helper
        assert f"{script} belongs to {user.name}" in of_script
        assert outcome(runner, script) == 0


@pytest.mark.parametrize("how", ["link", "mode"])
def test_a_plugin_is_checked_like_a_helper(allowed: Path, foreign: Path, how: str) -> None:
    """A plug-in that a script loads by its name was read by the worker itself, whoever could write to it."""
    script = compiled(allowed, "X", LOADS_PLUGIN.format("H"))
    if how == "link":
        (allowed / "H.dll").symlink_to(helper(foreign, 66))
    else:
        helper(allowed, 66).chmod(0o666)

    with running(allowed) as runner:
        refused = outcome(runner, script)
        (allowed / "H.dll").unlink()
        helper(allowed, 7)
        found = outcome(runner, script)

    assert "FileNotFoundException" in str(refused)
    assert found == 7


def test_a_plugin_is_found_once_and_reloads_with_the_script(allowed: Path) -> None:
    script = compiled(allowed, "X", LOADS_PLUGIN.format("H"))
    helper(allowed, 1)

    with running(allowed) as runner:
        before = [outcome(runner, script) for _ in range(3)]
        helper(allowed, 2)
        after = [outcome(runner, script) for _ in range(3)]

    assert (before, after) == ([1] * 3, [2] * 3)


def test_names_of_missing_scripts_leave_nothing_behind(allowed: Path, tmp_path: Path) -> None:
    """With ``PATH/$rU.exe``, callers could fill the memory: 6.5 KB for each user name that they made up."""
    scripts = strict(allowed, tmp_path)

    for number in range(3 * MOST_NAMES):
        with pytest.raises(ScriptNotFound):
            scripts.current(f"{allowed}/user{number}.exe")

    assert (scripts.seen, scripts._scripts) == ({}, {})


def test_all_names_of_a_script_are_one_script(allowed: Path, tmp_path: Path) -> None:
    """Each spelling of the name cost 14 KB, and an assembly that mono never frees."""
    script = compiled(allowed, "X", RETURNS.format(0))
    scripts = strict(allowed, tmp_path)

    found = [scripts.current(f"{allowed}{'/' * number}/X.exe") for number in range(1, MOST_NAMES + 100)]

    assert found[0].path == str(script)
    assert all(generation is found[0] for generation in found)
    assert len(scripts._scripts) == 1
    assert len(scripts.seen) == MOST_NAMES
    with running(allowed) as runner:
        assert [outcome(runner, f"{allowed}{'/.' * number}/X.exe") for number in range(50)] == [0] * 50
        assert [worker.loads for worker in runner.snapshot().workers] == [1]


def test_endless_scripts_are_forgotten_one_after_another(allowed: Path, tmp_path: Path) -> None:
    data = compiled(allowed, "X", RETURNS.format(0)).read_bytes()
    scripts = strict(allowed, tmp_path)
    for number in range(MOST_SCRIPTS + 50):
        (allowed / f"s{number}.exe").write_bytes(data)
        scripts.current(f"{allowed}/s{number}.exe")

    assert len(scripts._scripts) == MOST_SCRIPTS
    gc.collect()
    assert len(list((tmp_path / "run").iterdir())) == 1


def test_the_number_of_helpers_of_a_script_is_limited(allowed: Path, tmp_path: Path) -> None:
    """A result that named 20,000 plug-ins made every answer to a lease too long, for everybody, until a restart."""
    script = compiled(allowed, "X", RETURNS.format(0))
    scripts = strict(allowed, tmp_path)
    generation = scripts.current(str(script))

    with pytest.raises(ScriptInvalid, match=f"asks for 20000 files beside it, expected at most {MOST_HELPERS}"):
        scripts.extend(generation, tuple(f"P{number}" for number in range(20_000)))
    for number in range(2 * MOST_HELPERS):
        assert scripts.plugin(generation, f"P{number}") is None

    assert scripts.current(str(script)).helpers == {}


def test_another_build_forgets_the_plugins_of_the_one_before(allowed: Path, tmp_path: Path) -> None:
    script = compiled(allowed, "X", RETURNS.format(0))
    helper(allowed, 1)
    scripts = strict(allowed, tmp_path)
    assert scripts.plugin(scripts.current(str(script)), "H") is not None
    assert list(scripts.current(str(script)).helpers) == ["H"]

    compiled(allowed, "X", RETURNS.format(1))

    assert scripts.current(str(script)).helpers == {}


def test_scripts_of_removed_script_dirs_no_longer_run(allowed: Path, foreign: Path, tmp_path: Path) -> None:
    script = compiled(allowed, "X", RETURNS.format(0))
    scripts = strict(allowed, tmp_path)
    scripts.accept(scripts.current(str(script)))

    assert scripts.take_settings(Settings(script_dirs=(foreign,)))

    with pytest.raises(ScriptInvalid, match="is not in a directory of script_dirs"):
        scripts.current(str(script))


def test_copies_are_not_accepted_as_scripts(allowed: Path, tmp_path: Path) -> None:
    """The runner's own directory lies below /tmp, where a script_dirs of everything would reach it."""
    script = compiled(allowed, "X", RETURNS.format(0))
    scripts = strict(allowed, tmp_path)
    copy = scripts.copy_of(scripts.current(str(script)).file)

    with pytest.raises(ScriptInvalid):
        scripts.current(str(copy))
    shutil.rmtree(tmp_path / "run")
