"""What one user's client reports about builds and workers cannot harm the clients of another."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.daemon.quiet import PAUSE_S
from tests.attack import site
from tests.attack.users import as_root, new_user
from tests.programs import MCS, until
from tests.running_daemon import app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.attack.users import User
    from tests.running_daemon import RunningDaemon

pytestmark = as_root

RETURNS = "static int Main() {{ return {0}; }}"
RUNS = (
    "borrowed = Lease(sys.argv[1])\ntry: print(run(borrowed, sys.argv[2]))\nexcept RunnerError as error: print(error)\n"
)
RETIRES = """
told = {"reason": "forged", "call_id": sys.argv[4] or None, "is_stuck": False, "taken_by": answer["generation"]["id"]}
tell(control, "retire", report(answer, **told), ())
settle(control)
"""
FORGES = """
control = connected()
answer = lease(control, sys.argv[2])
worker = control.take_descriptors(ENDS)
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    """One for the tests after which it is as it was to other users."""
    with site.open_daemon() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def fine(daemon: RunningDaemon) -> Path:
    return compiled(daemon.scripts, "Fine", RETURNS.format(7))


@pytest.fixture(scope="module")
def bystander() -> Iterator[User]:
    with new_user() as user:
        yield user


def test_losses_of_workers_that_a_client_never_had_do_not_count(attacker: User, victim: User) -> None:
    """Five such notices used to refuse a script to everyone."""
    forges = f"""
{FORGES}
for number in range(20):
    answer["worker"]["lease"] = f"{{int(sys.argv[3]) + number:016x}}"
    {RETIRES.strip().replace(chr(10), chr(10) + "    ")}
"""
    with site.open_daemon("poison_s = 60.0") as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(7))

        began = time.monotonic()
        site.run(attacker, daemon, forges, script, 1, "call-1")
        most_lines = 2 + (time.monotonic() - began) / PAUSE_S

        told = daemon.status()
        assert (told["refused_scripts"], told["refused_messages"]) == ({}, [])
        assert [site.run(user, daemon, RUNS, script) for user in (attacker, victim)] == ["7", "7"]
        assert daemon.log().count("a worker that was not lent") <= most_lines, "one line a second"


def test_a_worker_is_lost_only_once(attacker: User) -> None:
    again = f"{FORGES}\nfor _ in range(20):\n    {RETIRES.strip().replace(chr(10), chr(10) + '    ')}"
    with site.open_daemon("poison_losses = 2\npoison_s = 60.0") as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(7))

        site.run(attacker, daemon, again, script, 0, "")

        assert daemon.status()["refused_scripts"] == {}


HELLO = """
control = Control.connect(sys.argv[1], deadline())
print(json.dumps(ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline())))
"""


@pytest.mark.parametrize("call_id", ["", "call-1"])
def test_losses_of_workers_that_a_client_held_count_only_for_its_own_user(
    attacker: User, victim: User, call_id: str
) -> None:
    limits = "poison_losses = 3\npoison_message_losses = 3\npoison_s = 60.0"
    with site.open_daemon(limits) as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(7))
        for _ in range(3):
            site.run(attacker, daemon, FORGES + RETIRES, script, 0, call_id)

        assert "refused to clients of uid" in daemon.log()
        assert "brought down several workers" in site.run(attacker, daemon, RUNS, script)
        assert site.run(victim, daemon, RUNS, script) == "7"
        refused = [json.loads(site.run(user, daemon, HELLO))["refused"] for user in (attacker, victim)]
        assert [bool(found) for found in refused] == [bool(call_id), False]


REJECTS = f"""
{FORGES}
build = answer["generation"]["id"]
wrong = {{"generation": build, "message": "forged", "detail": ""}}
try: print(lease(control, sys.argv[2], report(answer), rejected=wrong)["generation"]["id"] == build)
except RunnerError as error: print(error)
"""


def test_a_good_build_that_a_client_calls_broken_keeps_serving_everyone(attacker: User, victim: User) -> None:
    with site.open_daemon("num_workers = 2") as daemon:
        script = compiled(daemon.scripts, "Changes", RETURNS.format(1))
        assert site.run(victim, daemon, RUNS, script) == "1"
        until(lambda: len(loaded(daemon, script)) > 1, "two that were never lent have it")
        before = set(loaded(daemon, script).values())
        compiled(daemon.scripts, "Changes", RETURNS.format(2))
        # While one of them loads it, the daemon cannot try it there.
        until(lambda: sum(build not in before for build in loaded(daemon, script).values()) > 1, "and the new one")

        assert site.run(attacker, daemon, REJECTS, script) == "True"

        assert site.run(victim, daemon, RUNS, script) == "2"
        assert "still serves" not in daemon.log()


def test_a_build_that_no_free_worker_can_try_is_refused_only_to_that_client(attacker: User, victim: User) -> None:
    with site.open_daemon("num_workers = 1\nspare_workers = 0\nmax_workers = 1") as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(7))

        assert site.run(attacker, daemon, REJECTS, script) == "forged"

        assert site.run(victim, daemon, RUNS, script) == "7"


def test_a_build_that_really_cannot_be_loaded_is_refused_to_everyone_once_reported(
    attacker: User, victim: User
) -> None:
    with site.open_daemon('num_workers = 2\nobserver = "none"') as daemon:
        script = compiled(daemon.scripts, "Breaks", RETURNS.format(7))
        assert site.run(victim, daemon, RUNS, script) == "7"
        until(lambda: len(loaded(daemon, script)) > 1, "two that were never lent have it")
        library(script)

        assert site.run(attacker, daemon, RUNS, script) == "7"
        assert site.run(victim, daemon, RUNS, script) == "7"
        assert "still serves" in daemon.log()


def test_a_broken_build_that_a_client_calls_good_does_not_replace_the_last_good_one(
    attacker: User, victim: User
) -> None:
    lies = f"{FORGES}\ntell(control, 'loaded', {{'generation': answer['generation']['id']}})\nsettle(control)"
    with site.open_daemon('num_workers = 2\nobserver = "none"') as daemon:
        script = compiled(daemon.scripts, "Breaks", RETURNS.format(7))
        assert site.run(victim, daemon, RUNS, script) == "7"
        until(lambda: len(loaded(daemon, script)) > 0, "a worker that was never lent has it")
        library(script)

        site.run(attacker, daemon, lies, script)

        assert site.run(victim, daemon, RUNS, script) == "7"


def test_a_client_cannot_make_a_file_beside_a_script_a_part_of_it(
    daemon: RunningDaemon, attacker: User, bystander: User
) -> None:
    """When a client named a library that is not .NET as needed, every build of the script became a broken one."""
    needs = f"""
{FORGES}
told = {{"generation": answer["generation"]["id"], "names": ["Native", "mscorlib", "", "../Fine", "Native"]}}
print(sorted(lease(control, sys.argv[2], report(answer), needs=told)["generation"]["helpers"]))
"""
    script = compiled(daemon.scripts / "beside", "Fine", RETURNS.format(7))
    script.with_name("Native.dll").write_bytes(b"MZ is no .NET")

    assert site.run(attacker, daemon, needs, script) == "['mscorlib']"

    assert site.run(bystander, daemon, RUNS, script) == "7"


def test_a_user_who_only_runs_scripts_cannot_end_or_change_the_daemon(attacker: User) -> None:
    methods = ("reload", "reset", "drain", "stop")
    asks = """
for method in sys.argv[2:]:
    try: print(ask(connected(), method, {}, deadline()))
    except RunnerError as error: print(error)
"""
    with site.open_daemon() as daemon:
        answers = site.run(attacker, daemon, asks, *methods).splitlines()

        assert len(answers) == len(methods)
        assert all("only root, the daemon's user and socket_owner may" in answer for answer in answers)
        assert daemon.status()["pid"] == daemon.pid
        for method in methods:
            assert app_mono(method, "--socket", str(daemon.socket)).returncode == 0
            if method == "drain":
                daemon.start()  # after the end of the one that drained


WRONG: dict[str, Any] = {
    "fewer than none": {"execs": -1},
    "more than can be": {"loads": 10**12},
    "true": {"execs": True},
    "half": {"loads": 0.5},
    "too many helpers": {"bound": {str(number): "x" for number in range(5000)}},
    "too many scripts": {"loaded": {str(number): "x" for number in range(5000)}},
    "a long name": {"bound": {"x" * 5000: "x"}},
    "a helper that is no text": {"bound": {"x": 7}},
    "a script that is no text": {"loaded": {"x": []}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_impossible_report_ends_its_connection(
    daemon: RunningDaemon, fine: Path, attacker: User, bystander: User, wrong: str
) -> None:
    code = f"""
{FORGES}
tell(control, "report", report(answer, **json.loads(sys.argv[3])))
try: print(settle(control))
except ControlError: print("hung up")
"""
    assert site.run(attacker, daemon, code, fine, json.dumps(WRONG[wrong])) == "hung up"

    assert site.run(bystander, daemon, RUNS, fine) == "7"
    assert "internal error" not in daemon.log()


def test_counts_never_go_down_and_only_scripts_known_to_the_client_count_as_loaded(
    daemon: RunningDaemon, fine: Path, attacker: User
) -> None:
    code = f"""
{FORGES}
for told in (dict(execs=9, loads=5, bound=dict(H="x")), dict(execs=3, loads=1, bound=dict(), loaded=dict(a="b"))):
    tell(control, "report", report(answer, **told))
(worker,) = [found for found in ask(control, "status", {{}}, deadline())["workers"] if found["client"]]
print([worker[name] for name in ("execs", "loads", "helpers", "loaded")])
"""
    assert site.run(attacker, daemon, code, fine) == "[9, 5, ['H'], []]"


def loaded(daemon: RunningDaemon, script: Path) -> dict[int, str]:
    """The idle workers that have a script loaded and ran nothing: they were loaded ahead. With its build."""
    workers = [worker for worker in daemon.workers() if str(script) in worker["loaded"] and not worker["execs"]]
    return {worker["pid"]: worker["builds"][worker["loaded"].index(str(script))] for worker in workers}


def library(script: Path) -> None:
    """Put an assembly without Main into a script's place."""
    source = script.with_name("Library.cs")
    source.write_text("public class Library { }\n", "utf-8")
    subprocess.run([MCS, "-t:library", f"-out:{script}.new", str(source)], check=True, capture_output=True)
    script.with_name(f"{script.name}.new").rename(script)
