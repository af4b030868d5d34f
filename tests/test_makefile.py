"""
The Makefile's recipes with stand-ins for apt, dpkg and Python.

What is printed of an installation, what one that is killed leaves behind, when a virtual environment is made again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path  # noqa: TC003  # of a NamedTuple
from typing import NamedTuple

import pytest

from tests.places import ROOT
from tests.programs import WAIT_S, until

MAKE = shutil.which("make") or "make"
APT_GET = """#!/bin/sh
seq --format "line %g of dpkg" 100
case "$*" in *install*)
    [ ! -e "{here}/waits" ] || {{ touch "{here}/installing"; exec sleep 1000; }}
    touch "{here}/installing"
    [ ! -e "{here}/fails" ] || exit 100;;
esac
"""
DPKG_QUERY = '#!/bin/sh\n[ -e "{here}/nothing-is-missing" ] && echo installed || exit 1\n'
# Each virtual environment has a copy of it as its own Python, of the version that {here}/version says at any time.
PYTHON = """#!/bin/sh
case "$*" in
*"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/pip";;
*sys.prefix*) cat "{here}/version";;
esac
"""
NOTHING = "#!/bin/sh\nexit 1\n"
THERE = "#!/bin/sh\n"


class Machine(NamedTuple):
    """Where the stand-ins are, and what they look at."""

    here: Path
    policy: Path

    @property
    def log(self) -> Path:
        """Where all goes that apt and dpkg say."""
        return self.here / "apt.log"

    def start(self) -> subprocess.Popen[str]:
        """Begin ``make test-packages``, in a process group of its own."""
        environment = os.environ | {"PATH": f"{self.here / 'bin'}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [MAKE, "--no-print-directory", "test-packages", f"POLICY={self.policy}", f"APT_LOG={self.log}", "AS_ROOT="],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def run(self) -> str:
        """As ``start``, to its end; what it printed."""
        with self.start() as made:
            printed, _ = made.communicate(timeout=WAIT_S)
        assert made.returncode == 0, printed
        return printed

    def start_waiting(self) -> subprocess.Popen[str]:
        """As ``start``, until its installation is under way; it never ends by itself."""
        (self.here / "waits").touch()
        (self.here / "installing").unlink(missing_ok=True)
        made = self.start()
        until((self.here / "installing").exists, "it installs")
        (self.here / "waits").unlink()
        return made


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which every package is missing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_ins = {"python": PYTHON, "apt-get": APT_GET, "dpkg-query": DPKG_QUERY, "apt-cache": NOTHING, "pidof": NOTHING}
    for name, text in (stand_ins | dict.fromkeys(("kamailio", "sipp", "bwrap"), THERE)).items():
        (programs / name).write_text(text.format(here=tmp_path), "ascii")
        (programs / name).chmod(0o755)
    return Machine(tmp_path, tmp_path / "policy-rc.d")


def kill(made: subprocess.Popen[str], number: signal.Signals) -> None:
    os.killpg(made.pid, number)
    made.communicate(timeout=WAIT_S)


def test_no_service_may_start_while_packages_are_installed(machine: Machine) -> None:
    made = machine.start_waiting()
    asked = subprocess.run([machine.policy, "kamailio", "start"], check=False)
    kill(made, signal.SIGTERM)

    assert asked.returncode == 101  # invoke-rc.d: forbidden
    assert not machine.policy.exists()


def test_what_a_killed_installation_left_is_removed_by_the_next(machine: Machine) -> None:
    """No service of the machine could be started any more, by no package, until somebody found the file."""
    kill(machine.start_waiting(), signal.SIGKILL)
    left = machine.policy.exists()

    printed = machine.run()

    assert left
    assert f"Removing {machine.policy}: the installation that made it was killed" in printed
    assert not machine.policy.exists()


def test_it_is_removed_also_when_nothing_is_left_to_install(machine: Machine) -> None:
    kill(machine.start_waiting(), signal.SIGKILL)
    (machine.here / "nothing-is-missing").touch()
    (machine.here / "installing").unlink()

    machine.run()

    assert not machine.policy.exists()
    assert not (machine.here / "installing").exists()


def test_that_of_an_installation_under_way_stays(machine: Machine) -> None:
    made = machine.start_waiting()
    before = machine.policy.read_text("ascii")

    machine.run()
    after = machine.policy.read_text("ascii") if machine.policy.exists() else ""
    kill(made, signal.SIGTERM)

    assert after == before
    assert not machine.policy.exists()


def test_one_that_somebody_else_made_stays_as_it_is(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\n# the administrator's\nexit 0\n", "ascii")

    machine.run()

    assert machine.policy.read_text("ascii") == "#!/bin/sh\n# the administrator's\nexit 0\n"


def test_of_an_installation_only_what_is_installed_is_printed(machine: Machine) -> None:
    printed = machine.run()

    assert printed.splitlines() == ["Installing: kamailio-python3-modules kamailio-lua-modules"]
    assert "line 100 of dpkg" in machine.log.read_text("ascii")


def test_of_one_that_fails_the_end_is_printed_and_where_the_rest_is(machine: Machine) -> None:
    (machine.here / "fails").touch()

    with machine.start() as made:
        printed, _ = made.communicate(timeout=WAIT_S)

    assert made.returncode != 0
    assert "line 100 of dpkg" in printed
    assert "line 90 of dpkg" not in printed
    assert f"apt-get install failed; its whole output is in {machine.log}" in printed
    assert not machine.policy.exists()


@pytest.mark.parametrize("other", ["Python 3.13 in {venv}", "Python 3.11 in /another/checkout", ""])
def test_a_virtual_environment_of_another_python_or_place_is_made_again(machine: Machine, other: str) -> None:
    """After an upgrade from Debian 12 to 13 it was "No module named 'runner'", then "No module named pip"."""
    venv = machine.here / "venv"
    version = machine.here / "version"
    made_once = venv / "made-once"

    def make() -> bool:
        """Whether it was left as it was."""
        command = [MAKE, "--no-print-directory", "venv", f"VENV={venv}", f"PYTHON={machine.here}/bin/python"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=WAIT_S)
        return made_once.exists()

    version.write_text(f"Python 3.11 in {venv}\n", "ascii")
    make()
    made_once.touch()
    stays = make()
    version.write_text(f"{other.format(venv=venv)}\n", "ascii")
    stays_for_other = make()

    assert (stays, stays_for_other) == (True, False)
