"""A script that a call of a script runs, in a real Kamailio: t_relay runs the branch route before it returns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.kamailio.rig import free_udp_port
from tests.kamailio.test_app_mono import PATIENT, Site
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from pathlib import Path

BODY = """
    static int s_count;
    static int Main(string[] a) {
        if (a[0] == "branch") {
            s_count += 10;
            return PV.SetS("$var(branch)", PV.GetS("$ru"));
        }
        s_count = 1;
        PV.SetS("$rU", "changed");
        int relayed = Core.ModF("t_relay");
        Core.Log(2, "relayed " + relayed + ", count " + s_count + ", branch " + PV.GetS("$var(branch)"));
        return relayed > 0 && s_count == 11 && PV.GetS("$var(branch)").StartsWith("sip:changed@") ? 0 : 1;
    }
"""
ROUTES = """
request_route {{
    t_on_branch("WITHIN");
    python_exec("mono_exec", "{script} request");
    $var(rc) = $rc;
    append_to_reply("X-Result: $var(rc)\\r\\n");
    sl_send_reply("200", "OK");
    exit;
}}

branch_route[WITHIN] {{
    python_exec("mono_exec", "{script} branch");
}}
"""


def test_the_branch_route_runs_in_the_same_worker_with_the_same_statics(tmp_path: Path) -> None:
    """There is no second worker."""
    with ExitStack() as stack:
        site = Site(tmp_path, stack)
        script = compiled(site.daemon.scripts, "Within", BODY)
        site.start(ROUTES.format(script=script), settings=PATIENT + "max_workers = 1\n")
        uri = f"sip:bob@127.0.0.1:{free_udp_port()}"

        assert [site.result(uri) for _ in range(5)] == [1] * 5, site.kamailio.log()
        assert "internal error" not in site.kamailio.log()
