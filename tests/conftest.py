"""Which tests may run side by side: ``make test`` runs most of them on all cores, and then the rest alone."""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import warm

if TYPE_CHECKING:
    from collections.abc import Generator

HERE = Path(__file__).parent

# A shell starts its background jobs with Ctrl-C ignored, and what they start inherits that: tests of Ctrl-C would wait.
# Under nohup it is the same with the hang-up.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests start a thousand processes of Python: each would compile all that it imports of ours.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

warm.is_used = True

# No test fails on time alone, and a busy machine makes inputs slowly.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# These run processes as `nobody`, as uid 61234 or as users that they make. The kernel counts processes by user, and the
# runner and the tests kill them by user.
USERS = ("attack", "worker/test_remove.py", "worker/test_worker_user.py", "scripts/test_files_beside.py")

# These start a private Kamailio on port 5060, or on another one where that is taken.
PORT_5060 = (
    "cli/test_in_kamailio.py",
    "cli/test_in_kamailio_entries.py",
    "cli/test_private_kamailio.py",
    "kamailio/test_compared.py",
)

# What would disturb others, or what others would disturb. A fork counts: Python 3.12 and later warn of one beside
# threads, and each of xdist's processes has a thread.
ALONE = {
    "cli/test_in_kamailio.py::test_a_script_sees_the_addresses_of_an_exec_without_kamailio": "port 5060, as sipp",
    "cli/test_watch.py": "forks",
    "control/test_counters.py::test_what_a_client_counted_outlives_it": "forks",
    "daemon/test_daemon.py::test_a_forked_child_begins_its_own_lease": "forks",
    "faults/test_bombs.py": "takes all processes that its group may have",
    "faults/test_killed.py": "takes memory until the kernel kills",
    "hosts/embedded/test_outgoing.py": "measures how long parsing takes",
    "kamailio/test_chaos.py": "no request may be lost in a rain of faults",
    "kamailio/test_slow_first_call.py": "measures how long a request takes",
    "kamailio/test_traffic.py": "counts messages that sipp has to send again",
    "lane/test_exported.py::test_a_forked_child_leaves_its_first_exec_to_python": "forks",
    "scripts/test_files_faults.py::test_a_script_that_the_daemon_may_not_read_serves_its_last_good_build": "forks",
    "scripts/test_files_system.py": "forks, fills file systems, and takes all inotify instances of a user",
    "scripts/test_current_under_load.py": "its writer must not wait long for a CPU: the patience with it is 0.2 s",
}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file stays in one process, so that what its fixtures start is started once; the files of a group do as well."""
    for item in items:
        file, group = _file_and_group(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
        if ALONE.keys() & {file, f"{file}::{item.name}"}:
            item.add_marker(pytest.mark.alone)


@functools.cache
def _file_and_group(path: Path) -> tuple[str, str]:
    named = (("users", USERS), ("5060", PORT_5060), ("cluster", ("cluster",)))
    file = path.relative_to(HERE)
    return str(file), next((name for name, places in named if any(map(file.is_relative_to, places))), str(file))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """xdist sends reports as UTF-8, and what a script logged may have half a pair of surrogates in it."""
    return _encodable((yield))


def _encodable(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {name: _encodable(inner) for name, inner in value.items()}
        case list() | tuple():
            return type(value)(map(_encodable, value))
    return value
