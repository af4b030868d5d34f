"""The daemon and its clients: a real daemon process, real workers, and the lease of this process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.client.lease import Lease
from runner.errors import ConfigError, ExecTimeout, PoolExhausted, ScriptError, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.scripts.stamps import YOUNG_NS
from tests.places import INVITE, ROOT
from tests.programs import MCS, WAIT_S, stop, until
from tests.running_daemon import ENVIRONMENT, RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

RETURNS = "static int Main(string[] a) {{ return {0}; }}"
LONG_S = 5.0  # for execs of which no deadline is tested: a machine under load starts a worker in more than 0.4 s


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path) as running:
        yield running


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    lease = Lease(str(daemon.socket))
    yield lease
    lease.close()


def run(lease: Lease, script: Path | None, param: str | None = None, timeout_s: float = LONG_S) -> int | None:
    path = str(script) if script else None
    return lease.exec(path, param, MessageHost(INVITE), time.monotonic() + timeout_s).code


def status(daemon: RunningDaemon) -> dict[str, object]:
    told = app_mono("status", "--json", "--socket", str(daemon.socket))
    assert told.returncode == 0, told.stderr
    answer: dict[str, object] = json.loads(told.stdout)
    return answer


def workers(daemon: RunningDaemon) -> list[dict[str, object]]:
    told = app_mono("workers", "--json", "--socket", str(daemon.socket))
    answer: list[dict[str, object]] = json.loads(told.stdout)
    return answer


def held(daemon: RunningDaemon) -> int:
    """The pid of the worker that this process holds."""
    (pid,) = [worker["pid"] for worker in workers(daemon) if worker["client"] == os.getpid()]
    assert isinstance(pid, int)
    return pid


def test_a_lease_runs_scripts_with_and_without_a_parameter(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(
        daemon.scripts, "Counts", "static int Main(string[] a) { return a.Length == 0 ? -1 : a[0].Length; }"
    )

    assert [run(lease, script, param) for param in (None, "", "abc")] == [-1, 0, 3]


def test_calls_of_the_script_reach_the_clients_own_message(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Sets", 'static int Main() { return PV.SetS("$rU", PV.GetS("$rU") + "1"); }')
    host = MessageHost(INVITE)
    before = host.get_s("$rU")

    lease.exec(str(script), None, host, time.monotonic() + LONG_S)

    assert host.get_s("$rU") == f"{before}1"


def test_the_daemon_is_not_on_the_way_of_an_exec(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    threading.Event().wait(2 * YOUNG_NS / 1e9)  # until the script's stamp may be trusted
    run(lease, script)

    stop(daemon.pid)
    codes = [run(lease, script) for _ in range(50)]
    daemon.signal(signal.SIGCONT)

    assert codes == [0] * 50


def test_a_replaced_script_is_what_the_very_next_exec_runs(daemon: RunningDaemon, lease: Lease) -> None:
    answers = []
    for code in range(1, 6):
        script = compiled(daemon.scripts, "Changes", RETURNS.format(code))
        answers.append(run(lease, script))

    assert answers == [1, 2, 3, 4, 5]


def test_a_broken_script_leaves_the_last_good_one_serving(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Breaks", RETURNS.format(7))
    run(lease, script)

    draft = script.with_suffix(".new")
    draft.write_bytes(b"MZ nonsense")
    draft.rename(script)

    assert run(lease, script) == 7
    assert "still serves" in daemon.log()


def test_execs_go_on_while_no_daemon_lives_and_the_next_one_takes_over(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    old = held(daemon)

    daemon.signal(signal.SIGKILL)
    daemon.wait()
    alone = [run(lease, script) for _ in range(20)]
    daemon.start()

    def swapped() -> bool:
        assert run(lease, script) == 0
        return any(worker["client"] == os.getpid() for worker in workers(daemon))

    assert alone == [0] * 20
    until(swapped, "the client has a worker of the new daemon")
    until(lambda: not Path(f"/proc/{old}").exists(), "the old worker has ended")


def test_a_drained_daemon_leaves_its_workers_to_their_clients(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)

    drained = app_mono("drain", "--socket", str(daemon.socket))

    assert drained.returncode == 0, drained.stderr
    assert daemon.wait() == 0
    assert [run(lease, script) for _ in range(20)] == [0] * 20


def test_term_drains(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)

    daemon.signal(signal.SIGTERM)

    assert daemon.wait() == 0
    assert run(lease, script) == 0


def test_stop_ends_every_worker_also_those_that_are_lent(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    pids = [worker["pid"] for worker in workers(daemon)]

    stopped = app_mono("stop", "--socket", str(daemon.socket))

    assert stopped.returncode == 0, stopped.stderr
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert not daemon.socket.exists()
    with pytest.raises(PoolExhausted, match="no daemon"):
        run(lease, script)


def test_a_script_that_hangs_ends_at_the_deadline_and_its_stacks_are_logged_with_the_call_id(
    daemon: RunningDaemon, lease: Lease
) -> None:
    stuck = compiled(daemon.scripts, "Stuck", "static int Main() { while (true) {} }")
    fine = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, fine)

    with pytest.raises(ExecTimeout, match="0 calls were answered"):
        run(lease, stuck, timeout_s=0.5)

    assert run(lease, fine) == 0
    call_id = MessageHost(INVITE).get_s("$ci")
    until(lambda: "Stuck.Main" in daemon.log() and f"Call-ID {call_id}" in daemon.log(), "the stacks are logged")


def test_a_script_that_throws_keeps_its_worker(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Throws", 'static int Main() { throw new Exception("boom"); }')
    fine = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, fine)
    before = held(daemon)

    with pytest.raises(ScriptError, match="boom"):
        run(lease, script)

    assert run(lease, fine) == 0
    assert held(daemon) == before


def test_a_borrowed_worker_with_threads_left_in_it_is_given_back_and_replaced(
    daemon: RunningDaemon, lease: Lease
) -> None:
    script = compiled(
        daemon.scripts,
        "Threads",
        "static int Main() { new Thread(() => Thread.Sleep(Timeout.Infinite)).Start(); return 0; }",
    )
    fine = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    assert run(lease, fine) == 0
    before = held(daemon)

    assert run(lease, script) == 0
    assert run(lease, fine) == 0

    assert held(daemon) != before
    until(lambda: "its script left threads running" in daemon.log(), "the daemon says why")


def test_a_script_that_exits_gives_its_code_and_the_next_exec_works(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Exits", "static int Main() { Environment.Exit(3); return 0; }")

    assert [run(lease, script) for _ in range(3)] == [3, 3, 3]


def test_a_worker_killed_between_execs_is_replaced_without_a_failure(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)

    worker = held(daemon)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{worker}").exists(), "it has ended and is reaped")

    assert run(lease, script) == 0


def test_a_stopped_worker_of_a_dead_daemon_does_not_stay(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    worker = held(daemon)
    daemon.kill()
    stop(worker)

    with pytest.raises(ExecTimeout):
        run(lease, script, timeout_s=0.3)

    until(lambda: not Path(f"/proc/{worker}").exists(), "it has ended with its wire")


def test_the_worker_of_a_client_that_was_killed_ends(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    program = (
        "import sys, time\nfrom runner.client.lease import Lease\nfrom runner import MessageHost\n"
        "lease = Lease(sys.argv[1])\n"
        "lease.exec(sys.argv[2], None, MessageHost(open(sys.argv[3], 'rb').read()), time.monotonic() + 5)\n"
        "print('held', flush=True)\ntime.sleep(60)\n"
    )
    message = ROOT / "examples" / "messages" / "invite.sip"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(daemon.socket), str(script), str(message)],
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"held\n"
        (worker,) = [worker["pid"] for worker in workers(daemon) if worker["client"] == client.pid]
        client.kill()

        until(lambda: not Path(f"/proc/{worker}").exists(), "its worker has ended")


def test_more_clients_than_workers_are_all_served(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "max_workers = 2\nnum_workers = 2") as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        leases = [Lease(str(daemon.socket)) for _ in range(5)]
        try:
            run(leases[0], script)
            run(leases[1], script)
            with pytest.raises(PoolExhausted):  # both workers are held by clients that are not running anything
                run(leases[2], script)
            until(lambda: run(leases[0], script) == 0 and run(leases[1], script) == 0, "they are asked for them")

            codes = [run(lease, script) for _ in range(5) for lease in leases]

            assert codes == [0] * 25
            assert "set max_workers to at least 5" in str(status(daemon)["advice"])
            told = app_mono("doctor", "--config", str(daemon.config))
            assert "set max_workers to at least 5" in " ".join(told.stdout.split())
            assert told.returncode == 0, told.stdout
        finally:
            for lease in leases:
                lease.close()


def test_a_hanging_daemon_costs_one_wait_and_then_every_exec_fails_fast(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    lease = Lease(str(daemon.socket))
    stop(daemon.pid)
    try:
        with pytest.raises(PoolExhausted, match="no daemon"):
            run(lease, script, timeout_s=0.3)
        begin = time.process_time(), time.monotonic()
        for _ in range(20):
            with pytest.raises(PoolExhausted, match="no daemon"):
                run(lease, script, timeout_s=0.3)
        waited_s = time.monotonic() - begin[1] - (time.process_time() - begin[0])
    finally:
        daemon.signal(signal.SIGCONT)

    assert waited_s < 20 * 0.3  # not each of them waited for its deadline
    until(lambda: run_or_none(lease, script) == 0, "it works again by itself")
    lease.close()


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except PoolExhausted:
        return None


def test_a_forked_child_begins_its_own_lease(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    mine = held(daemon)

    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if run(lease, script) == 0 else 1)
        finally:
            os._exit(2)
    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 0
    assert run(lease, script) == 0
    assert held(daemon) == mine


def test_mono_run_serves_what_load_names_until_a_reset(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    script = compiled(scripts, "Pinned", RETURNS.format(4))
    with RunningDaemon(tmp_path, f'load = "{script}"') as daemon:
        lease = Lease(str(daemon.socket))
        first = run(lease, None)
        compiled(scripts, "Pinned", RETURNS.format(5))
        pinned = run(lease, None)
        with pytest.raises(ConfigError, match="use mono_run"):
            run(lease, script)

        assert app_mono("reset", "--socket", str(daemon.socket)).returncode == 0

        assert (first, pinned) == (4, 4)
        until(lambda: run(lease, None) == 5, "the reset has reached the client")
        lease.close()


def test_helpers_that_conflict_get_workers_of_their_own(daemon: RunningDaemon, lease: Lease) -> None:
    scripts = []
    sr_dll = ensure_bridge().sr_dll
    for number in (1, 2):
        place = daemon.scripts / str(number)
        compiled(place, "H", f"public static int Value() {{ return {number}; }} static void Main() {{}}")
        library = place / "H.dll"
        subprocess.run([MCS, "-t:library", f"-out:{library}", str(place / "H.cs"), f"-r:{sr_dll}"], check=True)
        (place / "H.exe").unlink()
        source = place / "Uses.cs"
        source.write_text("public class Uses { static int Main() { return H.Value(); } }\n", "utf-8")
        subprocess.run([MCS, f"-r:{library}", f"-out:{place / 'Uses.exe'}", str(source)], check=True)
        scripts.append(place / "Uses.exe")

    assert [run(lease, script) for _ in range(3) for script in scripts] == [1, 2] * 3


@pytest.mark.parametrize("where", ["elsewhere", "extension", "symlink", "linked directory", "writable", "directory"])
def test_only_files_under_script_dirs_may_run(daemon: RunningDaemon, lease: Lease, where: str, tmp_path: Path) -> None:
    outside = compiled(tmp_path / "outside", "Out", RETURNS.format(0))
    inside = compiled(daemon.scripts, "In", RETURNS.format(0))
    match where:
        case "elsewhere":
            path, why = outside, "is not in a directory of script_dirs"
        case "extension":
            path, why = inside.rename(inside.with_suffix(".txt")), "expected a name that ends in"
        case "symlink":
            path, why = daemon.scripts / "Link.exe", "really"
            path.symlink_to(outside)
        case "linked directory":
            path, why = daemon.scripts / "link" / outside.name, "really"
            path.parent.symlink_to(outside.parent)
        case "directory":
            path, why = inside, f"{inside.parent} belongs to .* and has mode 0777.*chmod go-w {inside.parent}"
            path.parent.chmod(0o777)
        case _:
            path, why = inside, "mode 0666.*chmod go-w"
            path.chmod(0o666)

    with pytest.raises(ScriptInvalid, match=why):
        run(lease, path)


def test_a_script_whose_helper_everybody_may_write_to_is_refused(daemon: RunningDaemon, lease: Lease) -> None:
    """Only the script itself was looked at."""
    compiled(daemon.scripts, "H", "public static int Value() { return 7; } static void Main() {}")
    helper = (daemon.scripts / "H.exe").rename(daemon.scripts / "H.dll")
    source = daemon.scripts / "Uses.cs"
    source.write_text("public class Uses { static int Main() { return H.Value(); } }\n", "utf-8")
    subprocess.run([MCS, f"-r:{helper}", f"-out:{daemon.scripts / 'Uses.exe'}", str(source)], check=True)

    helper.chmod(0o646)
    with pytest.raises(ScriptInvalid, match=r"mode 0646.*chmod go-w"):
        run(lease, daemon.scripts / "Uses.exe")
    helper.chmod(0o644)

    assert run(lease, daemon.scripts / "Uses.exe") == 7


def test_a_daemon_without_script_dirs_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'socket = "{tmp_path}/c.sock"\n', "utf-8")

    told = app_mono("serve", "--config", str(config))

    assert told.returncode == 2
    assert "a daemon needs script_dirs" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_second_daemon_refuses_a_live_socket_and_replaces_a_stale_one(daemon: RunningDaemon) -> None:
    told = app_mono("serve", "--config", str(daemon.config))
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    stale = daemon.socket.is_socket()
    daemon.start()

    assert told.returncode == 2
    assert "another daemon listens there" in told.stderr
    assert stale
    assert status(daemon)["pid"] == daemon.pid


def test_the_socket_has_the_mode_that_is_set(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, 'socket_mode = "0600"') as daemon:
        assert daemon.socket.stat().st_mode & 0o777 == 0o600


def test_settings_are_read_anew_on_hup_and_on_request(daemon: RunningDaemon) -> None:
    daemon.config.write_text(daemon.config.read_text("utf-8") + "max_workers = 9\n", "utf-8")
    told = app_mono("reload", "--socket", str(daemon.socket))
    by_request = status(daemon)["max_workers"]
    daemon.config.write_text(daemon.config.read_text("utf-8").replace("9", "7") + 'mono = "other"\n', "utf-8")
    daemon.signal(signal.SIGHUP)

    assert told.returncode == 0
    assert by_request == 9
    until(lambda: status(daemon)["max_workers"] == 7, "HUP was heard")
    assert "only after a restart: mono" in daemon.log()


def test_settings_that_are_wrong_leave_the_old_ones(daemon: RunningDaemon) -> None:
    daemon.config.write_text("max_workers = none\n", "utf-8")

    told = app_mono("reload", "--socket", str(daemon.socket))

    assert told.returncode == 2
    assert "expected TOML" in told.stderr
    assert status(daemon)["max_workers"] == 4


def test_the_log_file_may_be_moved_away(tmp_path: Path) -> None:
    log = tmp_path / "app-mono.log"
    daemon = RunningDaemon(tmp_path, f'log_file = "{log}"')
    daemon._log = log
    with daemon:
        log.rename(tmp_path / "app-mono.log.1")
        app_mono("reload", "--socket", str(daemon.socket))

        assert "settings read anew" in log.read_text("utf-8")


def test_without_a_daemon_commands_say_how_to_start_one(tmp_path: Path) -> None:
    told = app_mono("status", "--socket", str(tmp_path / "none.sock"))

    assert told.returncode == 2
    assert "app-mono serve --config" in told.stderr


@pytest.mark.parametrize(
    "garbage", [b"\n", b"{}\n", b"nonsense\n", b"[" * 100_000 + b"\n", b"x" * 2_000_000, b"\xff\n"]
)
def test_garbage_ends_that_connection_only(daemon: RunningDaemon, garbage: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(str(daemon.socket))
        try:
            sock.sendall(garbage)
            rest = sock.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            rest = b""

    assert rest == b""
    assert status(daemon)["clients"] == 1


@pytest.mark.parametrize("groups", [[], ["daemon"]])
def test_a_client_of_another_user_is_refused_unless_it_is_in_the_group(groups: list[str]) -> None:
    """
    Whatever the mode of the socket is: the kernel tells who connects.

    A supplementary group never counted: Python's getsockopt refused the length that was asked for.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can start a client of another user: run the tests as root")
    with (
        tempfile.TemporaryDirectory() as name,  # pytest's own are closed to others by each run of it
        RunningDaemon(Path(name), 'socket_mode = "0666"\nsocket_group = "daemon"') as daemon,
    ):
        Path(name).chmod(0o755)
        program = (
            "import contextlib, socket, sys\n"
            "sock = socket.socket(socket.AF_UNIX)\nsock.settimeout(20)\nsock.connect(sys.argv[1])\n"
            "with contextlib.suppress(BrokenPipeError):\n"
            ' sock.sendall(b\'{"jsonrpc":"2.0","id":1,"method":"status"}\\n\')\n'
            "print(sock.recv(4096).decode())\n"
        )
        told = subprocess.run(
            ["/usr/bin/python3", "-c", program, str(daemon.socket)],
            user="nobody",
            group="nogroup",
            extra_groups=groups,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=True,
        )

        assert ("nor in the group" in told.stdout) is not bool(groups)
        assert ('"script_dirs"' in told.stdout) is bool(groups)
