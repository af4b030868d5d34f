"""kamailio/app_mono.py in a real Kamailio, with a real daemon: what an operator meets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.decoys import decoy
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled
from tests.worker.test_entries import library

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = ROOT / "kamailio" / "app_mono.py"
KAMCMD = shutil.which("kamcmd", path="/usr/sbin:/usr/bin") or "kamcmd"  # of the package kamailio
MODULES = ("kex", "ctl", "sl", "pv", "tm", "xlog", "textops")
PATIENT = "spare_workers = 0\nexec_timeout_s = 20.0\nallocate_timeout_s = 20.0\n"
ANSWERS = """
request_route {{
    {call}
    $var(rc) = $rc;
    append_to_reply("X-Result: $var(rc)\\r\\n");
    sl_send_reply("200", "OK");
    exit;
}}
"""


class Site:
    """A Kamailio, a daemon and a peer; ``result`` is what the script's call gave in the cfg."""

    python = "app_python3"  # the module that runs our side
    script = OURS

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self.port = free_udp_port()
        self.daemon = RunningDaemon(directory)
        self.ctl = directory / "ctl.sock"
        self._calls = 0

    def start(
        self,
        call: str,
        *,
        settings: str = PATIENT,
        daemon: bool = True,
        script: Path | None = None,
        more: str = "",
        path: tuple[Path, ...] = (),
    ) -> None:
        """
        Start all of it.

        Args:
            call: The script's call, or a whole routing script.
            settings: Of the daemon.
            daemon: Whether there is one.
            script: What Kamailio's Python loads; None: our side itself.
            more: Lines of kamailio.cfg.
            path: Where Kamailio's Python looks for modules before anything else.
        """
        config = self.daemon.config
        config.write_text(config.read_text("utf-8") + settings, "utf-8")
        if daemon:
            self._stack.enter_context(self.daemon)
        cfg = preamble(self.port, (*MODULES, self.python), children=1) + more
        cfg += f'modparam("{self.python}", "load", "{script or self.script}")\n'
        cfg += f'modparam("ctl", "binrpc", "unix:{self.ctl}")\n'
        cfg += call if "request_route" in call else ANSWERS.format(call=call)
        env = {"APP_MONO_CONFIG": str(config), "PYTHONPATH": ":".join(map(str, [*path, OURS.parent]))}
        self.kamailio = self._stack.enter_context(Kamailio(cfg, self.directory / "kamailio", self.port, env))
        self.peer = self._stack.enter_context(Peer(self.port))

    def result(self, uri: str = "sip:bob@example.com", headers: str = "") -> int:
        """Send one request; 1 or -1."""
        self._calls += 1
        answer = self.peer.ask(self.peer.request(uri=uri, headers=headers, call_id=f"call-{self._calls}"), WAIT_S)
        assert answer is not None, self.kamailio.log()
        assert self.kamailio.is_alive
        (line,) = [line for line in answer.split(b"\r\n") if line.startswith(b"X-Result: ")]
        return int(line.removeprefix(b"X-Result: "))

    def works(self) -> bool:
        return self.result() == 1


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def test_the_parameter_is_all_behind_the_first_blank(site: Site) -> None:
    # A script that is true when its arguments are the words of the Subject header.
    body = (
        'static int Main(string[] a) { string wanted = PV.GetS("$hdr(Subject)"); '
        'return (a.Length == 0 ? "none" : "[" + a[0] + "]") == wanted ? 0 : 1; }'
    )
    script = compiled(site.daemon.scripts, "Wants", body)
    blank = script.with_name("With blank.exe")
    blank.write_bytes(script.read_bytes())
    quoted = f'\\"{blank}\\"'
    site.start(
        f"""
        switch ($rU) {{
            case "none": python_exec("mono_exec", "{script}"); break;
            case "empty": python_exec("mono_exec", "{script} "); break;
            case "blanks": python_exec("mono_exec", "{script}  a $rU "); break;
            case "quoted": python_exec("mono_exec", "{quoted}"); break;
            case "quotedparam": python_exec("mono_exec", "{quoted} p"); break;
        }}"""
    )

    results = {
        user: site.result(f"sip:{user}@example.com", f"Subject: {wanted}\r\n")
        for user, wanted in {
            "none": "none",
            "empty": "[]",
            "blanks": "[ a blanks ]",
            "quoted": "none",
            "quotedparam": "[p]",
        }.items()
    }

    assert set(results.values()) == {1}, (results, site.kamailio.log())


def test_true_is_exit_code_zero_alone(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Returns", "static int Main(string[] a) { return int.Parse(a[0]); }")
    site.start(f'python_exec("mono_exec", "{script} $rU");')

    results = {code: site.result(f"sip:{code}@example.com") for code in (0, 1, -1, 256)}

    assert results == {0: 1, 1: -1, -1: -1, 256: -1}


def test_a_path_that_is_none_is_false_and_one_line_in_the_log(site: Site) -> None:
    site.start(
        """
        switch ($rU) {
            case "empty": python_exec("mono_exec", ""); break;
            case "blank": python_exec("mono_exec", " p"); break;
            case "open": python_exec("mono_exec", "\\"/not/closed"); break;
        }"""
    )

    for number, user in enumerate(("empty", "blank", "open"), start=1):
        assert site.result(f"sip:{user}@example.com") == -1
        assert site.kamailio.log().count("app_mono: mono_exec") == number
    assert "Traceback" not in site.kamailio.log()


def test_another_package_named_runner_on_the_path_is_not_taken_for_ours(site: Site, tmp_path: Path) -> None:
    """It shadowed ours: every call failed, or ran that one's code."""
    decoy(tmp_path / "decoy")
    script = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")

    site.start(f'python_exec("mono_exec", "{script}");', path=(tmp_path / "decoy",))

    assert site.works()


def test_where_another_runner_was_imported_first_the_log_of_kamailio_says_what_to_do(
    site: Site, tmp_path: Path
) -> None:
    other = decoy(tmp_path / "decoy")
    loads_both = tmp_path / "loads_both.py"
    loads_both.write_text("import runner\nfrom app_mono import *\n", "utf-8")

    with pytest.raises(AssertionError, match="kamailio did not start") as caught:
        site.start("", daemon=False, script=loads_both, path=(tmp_path / "decoy",))

    assert f"another module of that name, {other}: give that one another name" in str(caught.value)


def test_mono_run_runs_what_load_names(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Loaded", "static int Main(string[] a) { return a.Length; }")
    site.start(
        'if ($rU == "none") { python_exec("mono_run"); } else { python_exec("mono_run", "$rU"); }',
        settings=PATIENT + f'load = "{script}"\n',
    )

    assert [site.result("sip:none@example.com"), site.result("sip:one@example.com")] == [1, -1]


def test_without_a_daemon_every_call_is_false_in_its_time_and_one_line_tells(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")
    site.start(f'python_exec("mono_exec", "{script}");', settings="exec_timeout_s = 1.0\n", daemon=False)

    results = [site.result() for _ in range(5)]
    site._stack.enter_context(site.daemon)

    assert results == [-1] * 5
    assert site.kamailio.log().count("no daemon at") == 1
    until(site.works, "it connects again by itself")


def test_what_a_failure_means_is_set_for_all_and_for_one_script(site: Site) -> None:
    throws = compiled(site.daemon.scripts, "Throws", 'static int Main() { throw new Exception("boom"); }')
    loops = compiled(site.daemon.scripts, "Loops", "static int Main() { while (true) {} }")
    own = f'\n[scripts."{throws}"]\non_error = true\n'
    site.start(
        f"""
        if ($rU == "throws") {{ python_exec("mono_exec", "{throws}"); }}
        if ($rU == "missing") {{ python_exec("mono_exec", "{throws}.not"); }}
        if ($rU == "loops") {{ python_exec("mono_exec", "{loops}"); }}""",
        settings="exec_timeout_s = 1.0\nallocate_timeout_s = 1.0\non_timeout = true\n" + own,
    )

    def has_thrown() -> bool:
        return site.result("sip:throws@example.com") == 1 and "boom" in site.kamailio.log()

    until(has_thrown, "the worker has started")  # a call that is not done in time is true as well
    results = [site.result(f"sip:{user}@example.com") for user in ("throws", "missing")]

    assert results == [1, -1]
    # It is false where the daemon has not said in time how it is to be run.
    until(lambda: site.result("sip:loops@example.com") == 1, "one that is not done in time is true")
    assert "System.Exception: boom" in site.kamailio.log()


def test_a_reload_of_the_python_script_loses_no_call(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")
    site.start(f'python_exec("mono_exec", "{script}");')

    results = []
    for _ in range(3):
        results += [site.result() for _ in range(5)]
        subprocess.run(
            [KAMCMD, "-s", f"unix:{site.ctl}", "app_python.reload"],
            check=True, capture_output=True, timeout=WAIT_S,
        )  # fmt: skip
        results += [site.result() for _ in range(5)]

    assert results == [1] * 30


def test_a_replaced_script_is_live_for_the_next_request(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Changes", "static int Main() { return 0; }")
    site.start(f'python_exec("mono_exec", "{script}");')
    results = [site.result()]

    for code in (1, 0, 1, 0):
        compiled(site.daemon.scripts, "Changes", f"static int Main() {{ return {code}; }}")
        results.append(site.result())

    assert results == [1, -1, 1, -1, 1]


def test_a_python_script_of_the_site_uses_ours(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Fine", 'static int Main(string[] a) { return a[0] == "bob" ? 0 : 1; }')
    own = site.directory / "site_routing.py"
    own.write_text(
        "import app_mono\nimport KSR\n\n\nclass Site(app_mono.Methods):\n"
        "    def decide(self, msg):\n"
        f"        return app_mono.mono_exec(msg, {str(script)!r}, KSR.pv.get('$rU'))\n\n\n"
        "def mod_init():\n    return Site()\n",
        "utf-8",
    )
    site.start(
        f'if ($hdr(Subject) == "own") python_exec("decide"); else python_exec("mono_exec", "{script} $rU");',
        script=own,
    )

    results = [
        site.result(f"sip:{user}@example.com", f"Subject: {kind}\r\n")
        for user in ("bob", "al")
        for kind in ("own", "x")
    ]

    assert results == [1, 1, -1, -1]


def test_a_kamailio_that_is_killed_leaves_no_worker_behind(site: Site) -> None:
    script = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")
    site.start(f'python_exec("mono_exec", "{script}");')
    assert site.works()
    told = json.loads(app_mono("workers", "--json", "--socket", str(site.daemon.socket)).stdout)
    (worker,) = [worker["pid"] for worker in told if worker["client"]]

    os.killpg(site.kamailio.pid, signal.SIGKILL)

    until(lambda: not Path(f"/proc/{worker}").exists(), "its worker has ended")


NESTED = """
request_route {{
    t_on_branch("NESTED");
    python_exec("mono_exec", "{outer}");
    $var(rc) = $rc;
    append_to_reply("X-Result: $var(rc)\\r\\n");
    sl_send_reply("200", "OK");
    exit;
}}

branch_route[NESTED] {{
    python_exec("mono_exec", "{inner} $rU");
    $var(inner) = $rc;
}}
"""


def test_a_script_whose_function_runs_a_route_that_runs_a_script(site: Site) -> None:
    """t_relay runs the branch route before it gives its result, so the inner exec is in the middle of the outer one."""
    inner = compiled(
        site.daemon.scripts,
        "Inner",
        'static int Main(string[] a) { return PV.SetS("$var(user)", a.Length == 1 ? a[0] : "none") == 0 ? 0 : 1; }',
    )
    outer = compiled(
        site.daemon.scripts,
        "Outer",
        'static int Main() { PV.SetS("$var(user)", ""); int relayed = Core.ModF("t_relay"); '
        'Core.Log(2, "relayed " + relayed + ", inner " + PV.GetS("$var(inner)") + " user " + PV.GetS("$var(user)")); '
        'return relayed > 0 && PV.GetS("$var(inner)") == "1" && PV.GetS("$var(user)") == "bob" ? 0 : 1; }',
    )
    site.start(NESTED.format(outer=outer, inner=inner), settings=PATIENT + "max_workers = 2\n")
    uri = f"sip:bob@127.0.0.1:{free_udp_port()}"

    assert [site.result(uri) for _ in range(5)] == [1] * 5, site.kamailio.log()
    assert "internal error" not in site.kamailio.log()


def test_without_a_worker_for_the_inner_script_it_is_false_and_the_outer_one_goes_on(site: Site) -> None:
    inner = compiled(site.daemon.scripts, "Inner", "static int Main() { return 0; }")
    outer = compiled(
        site.daemon.scripts,
        "Outer",
        'static int Main() { return Core.ModF("t_relay") > 0 && PV.GetS("$var(inner)") == "-1" ? 0 : 1; }',
    )
    settings = PATIENT + "max_workers = 1\nallocate_timeout_s = 0.1\n"
    site.start(NESTED.format(outer=outer, inner=inner), settings=settings.replace("allocate_timeout_s = 20.0\n", ""))
    uri = f"sip:bob@127.0.0.1:{free_udp_port()}"

    assert [site.result(uri) for _ in range(3)] == [1] * 3, site.kamailio.log()
    assert "internal error" not in site.kamailio.log()


def test_a_regular_expression_of_a_script_counts_bytes_though_python_took_the_locale(site: Site) -> None:
    """Kamailio's Python gives the process the locale C.UTF-8 here, in which it counts characters."""
    body = 'static int Main() { return PV.GetS("$(hdr(Subject){re.subst,/./x/g})") == "xxxxxxx" ? 0 : 1; }'
    script = compiled(site.daemon.scripts, "Counts", body)
    site.start(f'python_exec("mono_exec", "{script}");')

    assert site.result(headers="Subject: Grüße\r\n") == 1, site.kamailio.log()


def test_a_script_without_main_counts_as_one_that_failed(site: Site) -> None:
    script = library(site.daemon.scripts, "Routes", "public class Routes { public static void route() { } }")
    site.start(f'python_exec("mono_exec", "{script}");', settings=PATIENT + "on_error = true\n")

    assert site.result() == 1
    assert "Routes.dll has no Main" in site.kamailio.log()
