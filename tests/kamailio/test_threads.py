"""What Kamailio 6 has for threads: scripts work with it as without."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.rig import has_module
from tests.kamailio.test_app_mono import Site
from tests.kamailio.test_app_python3s import SiteS
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not has_module("app_python3s"),
    reason="Kamailio 5 has neither threads_mode nor udp_receiver_mode: make test-debian13 has a Kamailio 6",
)
CALLS = {"app_python3": "python_exec", "app_python3s": "app_python3s_exec"}
THREADS = {
    "threads_mode": 'modparam("{python}", "threads_mode", 1)\n',
    "udp_receiver_mode": 'udp_receiver_mode=1\nasync_workers_group="name=udp;workers=2;nonblock=0;usleep=0"\n',
}


@pytest.mark.parametrize("how", THREADS)
@pytest.mark.parametrize("kind", [Site, SiteS], ids=lambda kind: kind.python)
def test_scripts_answer_each_request(tmp_path: Path, kind: type[Site], how: str) -> None:
    with ExitStack() as stack:
        site = kind(tmp_path, stack)
        script = compiled(
            site.daemon.scripts,
            "Answers",
            'static int Main(string[] a) { if (a[0] == "throws") throw new Exception("boom"); '
            'return PV.GetS("$rU") == a[0] && HDR.AppendToReply("X-Is: " + a[0] + "\\r\\n") == 0 '
            '&& Core.ModF("has_totag") == -127 ? 0 : 1; }',
        )
        site.start(f'{CALLS[site.python]}("mono_exec", "{script} $rU");', more=THREADS[how].format(python=site.python))

        results = [site.result(f"sip:{user}@example.com") for user in ["bob", "throws"] * 20]

        assert results == [1, -1] * 20, site.kamailio.log()
