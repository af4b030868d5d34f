"""A daemon of root that other users may use, and the code that a process of such a user begins with."""

from __future__ import annotations

import contextlib
import grp
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.attack.users import User

GROUP = "daemon"  # every system has it, and nobody is in it
GID = grp.getgrnam(GROUP).gr_gid

BEGIN = """
import json, os, socket, sys, time
from runner.calls import Host
from runner.wire.channel import ENDS, received
from runner.control.connection import PROTOCOL, Control, ControlError, ask
from runner.errors import RunnerError
from runner.client.lease import Lease
class Quiet(Host):
    def __getattr__(self, name): raise AttributeError(name)
def deadline(): return time.monotonic() + 30
def connected():
    control = Control.connect(sys.argv[1], deadline())
    ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline())
    return control
def lease(control, path, have=None, **more):
    return ask(control, "lease", {"path": path, "have": have, "wait_s": 20, **more}, deadline())
def report(answer, **more):
    worker = answer["worker"]
    known = {name: worker[name] for name in ("lease", "execs", "loads", "bound")}
    return known | {"loaded": {}, "ran": {}, "retire_reason": ""} | more
def tell(control, method, params, descriptors=()):
    control.send({"method": method, "params": params}, deadline(), descriptors)
def settle(control): ask(control, "status", {}, deadline())  # what was told before has been heard
def run(borrowed, path): return borrowed.exec(path, None, Quiet(), deadline()).code
def say(word): print(word, flush=True)
def wait(): sys.stdin.readline()
"""


@contextlib.contextmanager
def open_daemon(settings: str = "") -> Iterator[RunningDaemon]:
    """
    A daemon of root, whose workers have a user of their own, for everyone in the group.

    Its directory is not pytest's: another run of pytest closes that to other users.
    """
    patient = "".join(f"{name} = 20.0\n" for name in ("allocate_timeout_s", "exec_timeout_s") if name not in settings)
    with (
        tempfile.TemporaryDirectory(prefix="attack-site-") as name,
        RunningDaemon(opened(name), f'worker_user = "nobody"\nsocket_group = "{GROUP}"\n{patient}{settings}') as daemon,
    ):
        yield daemon


def opened(name: str) -> Path:
    """Let everyone enter a directory; returns it."""
    directory = Path(name)
    directory.chmod(0o755)
    return directory


def start(user: User, daemon: RunningDaemon, code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of a user who may use the daemon; ``sys.argv[1]`` is the socket."""
    return user.start(BEGIN + code, str(daemon.socket), *map(str, arguments), groups=(GID,))


def run(user: User, daemon: RunningDaemon, code: str, *arguments: object) -> str:
    """As ``start``, but waits for its end; returns what it printed."""
    return user.run(BEGIN + code, str(daemon.socket), *map(str, arguments), groups=(GID,)).strip()


def heard(process: subprocess.Popen[str], word: str) -> None:
    """Wait until the process prints the word."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.strip() == word, line + process.stdout.read()
