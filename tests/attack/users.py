"""Real users of the machine for one test: made before it, removed with all their processes and files after it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.places import ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = "/usr/bin/python3"  # the virtual environment's may be where only root can go
SBIN = "/usr/sbin:/sbin"

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("useradd", path=SBIN) is None or not Path(PYTHON).exists(),
    reason="an attack by another user takes root, useradd (package passwd) and /usr/bin/python3: run as root",
)


class User(NamedTuple):
    """A user that exists for the length of one test; ``home`` is its own directory, which everyone may enter."""

    name: str
    uid: int
    gid: int
    home: Path

    def start(self, code: str, *arguments: str, groups: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        """
        Start Python code as this user, in a process of its own; the caller waits for it.

        Args:
            code: A program of the standard library and of ``runner``'s client side.
            arguments: Its ``sys.argv[1:]``.
            groups: Other groups that the process is in.
        """
        return subprocess.Popen(
            [PYTHON, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PYTHONPATH": str(self.home)},
            cwd=self.home,
            user=self.uid,
            group=self.gid,
            extra_groups=groups,
        )

    def run(self, code: str, *arguments: str, groups: tuple[int, ...] = ()) -> str:
        """
        As ``start``, but waits for its end; returns what it printed.

        Raises:
            AssertionError: It failed; the text has what it wrote.
        """
        with self.start(code, *arguments, groups=groups) as process:
            printed, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, printed
        return printed


@contextlib.contextmanager
def new_user() -> Iterator[User]:
    """A user with a group of its own, and a copy of the package ``runner`` that it can import."""
    name = f"attack-{secrets.token_hex(4)}"
    administer("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name)
    known = pwd.getpwnam(name)
    home = Path(tempfile.mkdtemp(prefix="attack-"))
    try:
        shutil.copytree(_package(), home / "runner")
        home.chmod(0o755)
        os.chown(home, known.pw_uid, known.pw_gid)
        yield User(name, known.pw_uid, known.pw_gid, home)
    finally:
        subprocess.run(["pkill", "-KILL", "-u", str(known.pw_uid)], check=False, timeout=WAIT_S)  # noqa: S607
        shutil.rmtree(home, ignore_errors=True)
        administer("userdel", name)


@functools.cache
def _package() -> Path:
    """
    A copy of the package with the bytecode of what processes of users import.

    A user cannot write into a copy, so without that each of its processes would compile all of it.
    """
    directory = Path(tempfile.mkdtemp(prefix="attack-package-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    package = directory / "runner"
    shutil.copytree(ROOT / "runner", package, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import runner.client.lease"
    subprocess.run([PYTHON, "-c", code], env={"PYTHONPATH": str(directory)}, check=True, timeout=WAIT_S)
    return package


def administer(*command: str) -> None:
    """Run a program of /usr/sbin, which must succeed."""
    program = shutil.which(command[0], path=SBIN)
    assert program is not None
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
