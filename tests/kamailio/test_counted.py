"""What the daemon counts is what Kamailio and sipp saw, to the unit, whoever of them is restarted or killed."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import urllib.request
from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kamailio.rig import LOST_S, Kamailio, Peer, free_udp_port, preamble
from tests.kamailio.test_traffic import CHILDREN, MODULES, OURS
from tests.ports import free_tcp_port
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

CALLS, PER_S = 300, 60
TIMEOUT_S = 0.8
SETTINGS = (
    f"exec_timeout_s = {TIMEOUT_S}\n"
    "num_workers = 4\nmax_workers = 12\nallocate_timeout_s = 2.0\n"
    "poison_losses = 0\npoison_message_losses = 0\nslow_exec_s = 0.015\n"
)
SCRIPTS = {
    "Fast": 'static int Main() { return PV.SetS("$var(x)", PV.GetS("$ru")); }',
    "Slow": 'static int Main() { Thread.Sleep(20); return PV.GetS("$fu") == null ? 0 : 1; }',
    "Throws": 'static int Main() { throw new Exception("boom"); }',
    "Loops": "static int Main() { while (true) { } }",
}
ROUTE = """
request_route {{
    if (is_method("ACK")) exit;
    $shv(n) = $shv(n) + 1;
    $var(n) = $shv(n) mod 100;
    $var(name) = "Fast";
    if ($var(n) > 79) $var(name) = "Slow";
    if ($var(n) > 94) $var(name) = "Throws";
    if ($var(n) > 97) $var(name) = "Loops";
    if (python_exec("mono_exec", "{directory}/$var(name).exe")) $var(is) = "true"; else $var(is) = "false";
    xlog("L_ERR", "ran $var(name) $var(is)\\n");
    sl_send_reply("200", "OK");
    exit;
}}
"""


def saw(kamailio: Kamailio) -> Counter[tuple[str, str]]:
    """Script, and whether it was true, as Kamailio's log has it."""
    return Counter((name, result) for name, result in re.findall(r"ran (\w+) (true|false)", kamailio.log()))


def counted(port: int) -> dict[tuple[str, str], int]:
    """Script and outcome, as /metrics has it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WAIT_S) as answer:
        text = answer.read().decode()
    found: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "app_mono_execs_total":
                name = sample.labels["script"].rpartition("/")[2].removesuffix(".exe")
                found[name, sample.labels["outcome"]] += int(sample.value)
    return {key: count for key, count in found.items() if count}


def logged(directory: Path) -> dict[tuple[str, str], int]:
    """As ``counted``, of the log of execs."""
    lines = [json.loads(line) for line in (directory / "execs.jsonl").read_text("utf-8").splitlines()]
    return dict(
        Counter(
            ("" if line["build"] is None else line["script"].rpartition("/")[2].removesuffix(".exe"), line["outcome"])
            for line in lines
        )
    )


def is_quiet(kamailio: Kamailio) -> bool:
    """Whether nothing runs any more: no exec takes as long as this looks."""
    before = kamailio.log()
    threading.Event().wait(2 * TIMEOUT_S)
    return kamailio.log() == before


def of_script(counts: dict[tuple[str, str], int], script: str) -> dict[str, int]:
    """By outcome, those that were not true."""
    return {outcome: count for (name, outcome), count in counts.items() if name == script and outcome != "true"}


def slow_ones(daemon: RunningDaemon) -> list[dict[str, Any]]:
    """What the clients told of ``Slow`` as slow."""
    return [told for told in daemon.status()["incidents"] if "Slow.exe: slow, " in told["message"]]


def all_are_connected(port: int, daemon: RunningDaemon) -> bool:
    """Whether the daemon knows every process of Kamailio; a few requests make sure that each has a reason to."""
    with Peer(port) as peer:
        for number in range(4 * CHILDREN):
            peer.ask(peer.request(call_id=f"nudge-{number}"), LOST_S)
    return bool(daemon.status()["users"] == CHILDREN)


@pytest.mark.timeout(300)
def test_every_exec_of_sipps_traffic_is_counted_across_a_restart_and_a_kill(tmp_path: Path) -> None:
    with ExitStack() as stack:
        http, port = free_tcp_port(), free_udp_port()
        daemon = stack.enter_context(
            RunningDaemon(tmp_path, f'{SETTINGS}http = "127.0.0.1:{http}"\nexec_log = "{tmp_path}/execs.jsonl"')
        )
        for name, body in SCRIPTS.items():
            compiled(daemon.scripts, name, body)
        cfg = preamble(port, [*MODULES, "app_python3"], children=CHILDREN)
        cfg += f'modparam("app_python3", "load", "{OURS}")\n' + ROUTE.format(directory=daemon.scripts)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        kamailio = stack.enter_context(Kamailio(cfg, tmp_path / "kamailio", port, env))

        with Sipp("options", port, CALLS, PER_S, tmp_path / "first") as sipp:
            pass
        until(lambda: is_quiet(kamailio), "what sipp sent again has run, too")
        first, seen = counted(http), saw(kamailio)
        assert sipp.counts().successful == CALLS <= seen.total()  # it may send one again
        assert first["Fast", "true"] == seen["Fast", "true"] > CALLS / 2
        assert first["Slow", "false"] > 0
        assert first["Throws", "exception"] > 0
        # On a busy machine one may take too long, or get no worker in time, and has no name then.
        unnamed = sum(of_script(first, "").values())
        failed = {name: of_script(first, name) for name in SCRIPTS}
        assert "exception" not in failed["Slow"]
        assert "false" not in failed["Throws"]
        missing = [seen[name, "false"] - sum(counts.values()) for name, counts in failed.items()]
        assert min(missing) >= 0
        assert sum(missing) == unnamed
        assert sum(first.values()) == seen.total()
        until(lambda: sum(logged(tmp_path).values()) >= seen.total(), "the log of execs is written")
        assert logged(tmp_path) == first
        until(lambda: slow_ones(daemon), "the daemon has heard of a slow one")
        slow = slow_ones(daemon)[0]
        assert re.search(r"ms  PV\.GetS\('\$fu'\)", slow["detail"]), slow
        assert slow["call_id"]
        assert "Slow.exe: slow, " in kamailio.log()
        stacks = r"(Slow|Loops)\.exe: still runs after [0-9.]+ s \(Call-ID .*\); its stacks follow\n.*Full thread dump:"
        assert re.search(stacks, daemon.log(), re.DOTALL)

        timeouts = sum(count for (_, outcome), count in first.items() if outcome == "timeout")
        assert timeouts == kamailio.log().count("it was not done in time") > 0

        with Sipp("options", port, CALLS, PER_S, tmp_path / "second") as sipp:
            until(lambda: saw(kamailio).total() > seen.total() + CALLS / 4, "some have run")
            daemon.signal(signal.SIGTERM)
            daemon.wait()
            until(lambda: saw(kamailio).total() > seen.total() + CALLS / 2, "some ran without a daemon")
            daemon.start()
        until(lambda: all_are_connected(port, daemon), "each process of Kamailio has the new daemon")
        until(lambda: is_quiet(kamailio), "what sipp sent again has run, too")
        for pid in (*kamailio.children(), kamailio.pid):
            with suppress(ProcessLookupError):  # Kamailio itself ends the others when one has gone
                os.kill(pid, signal.SIGKILL)
        before = int(re.findall(r"counted (\d+) execs since the start", daemon.log())[0])
        after = counted(http)

        until(lambda: sum(logged(tmp_path).values()) >= saw(kamailio).total(), "the log of execs is written")
        assert sum(logged(tmp_path).values()) == saw(kamailio).total()
        assert before + sum(after.values()) == saw(kamailio).total() >= 2 * CALLS
