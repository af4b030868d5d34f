"""kamailio/app_mono.py in a real Kamailio: what a script that misbehaves costs, with a daemon and without one."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.test_app_mono import Site
from tests.programs import until
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

MISBEHAVE = {
    "Throws": 'static int Main() { throw new Exception("x"); }',
    "ThrowsOnAThread": 'static int Main() { new Thread(() => { throw new Exception("x"); }).Start(); '
    "Thread.Sleep(200); return 0; }",
    "Exits": "static int Main() { Environment.Exit(3); return 0; }",
    "FailsFast": 'static int Main() { Environment.FailFast("x"); return 0; }',
    "Overflows": "static int Deep(int n) { return Deep(n + 1) + 1; } static int Main() { return Deep(0); }",
    "Loops": "static int Main() { while (true) {} }",
    "Sleeps": "static int Main() { Thread.Sleep(-1); return 0; }",
    "Deadlocks": "static int Main() { var gate = new object(); lock (gate) { var other = "
    "new Thread(() => { lock (gate) {} }); other.Start(); other.Join(); } return 0; }",
    "LoopsBetweenCalls": 'static int Main() { while (true) PV.GetS("$ru"); }',
    "Kills": "static int Main() { System.Diagnostics.Process.GetCurrentProcess().Kill(); Thread.Sleep(-1); return 0; }",
    "WritesABigValue": "static int Main() { return PV.SetS(\"$var(x)\", new string('x', 100 * 1024 * 1024)); }",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for all of ``MISBEHAVE``; the user of a request names the script, bob a good one."""
    with ExitStack() as stack:
        site = Site(tmp_path_factory.mktemp("misbehave"), stack)
        compiled(site.daemon.scripts, "bob", "static int Main() { return 0; }")
        settings = "num_workers = 2\nallocate_timeout_s = 1.0\nexec_timeout_s = 1.0\nfirst_exec_timeout_s = 2.0\n"
        site.start(f'python_exec("mono_exec", "{site.daemon.scripts}/$(rU).exe");', settings=settings)
        yield site


@pytest.mark.parametrize("name", MISBEHAVE)
@pytest.mark.parametrize("daemon", ["alive", "dead"])
def test_a_script_that_misbehaves_hurts_only_its_own_run(site: Site, name: str, daemon: str) -> None:
    compiled(site.daemon.scripts, name, MISBEHAVE[name])
    until(site.works, "the worker has started")
    if daemon == "dead":
        # The client learns the script while the daemon lives, then has only its own worker.
        site.result(f"sip:{name}@example.com")
        until(site.works, "the next worker has started")
        site.daemon.signal(signal.SIGKILL)
        site.daemon.wait()
    until(site.kamailio.has_started, "all processes of Kamailio are there")
    before = site.kamailio.children()

    try:
        result = site.result(f"sip:{name}@example.com")
    finally:
        if daemon == "dead":
            site.daemon.start()

    assert result == -1 or name == "ThrowsOnAThread"
    until(site.works, "the next request is served")
    assert site.kamailio.children() == before
    assert "Traceback" not in site.kamailio.log()
