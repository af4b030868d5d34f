"""A daemon with scripts of several runtimes: who serves them, and what holds when one of them is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import PoolExhausted
from tests.daemon.leases import LONG_S, RETURNS, run
from tests.running_daemon import RunningDaemon, compiled
from tests.siblings import SIBLINGS, Language, each

if TYPE_CHECKING:
    from pathlib import Path

SEVEN = {
    ".py": "def main():\n    return 7\n",
    ".js": "exports.main = () => 7;\n",
    ".java": "class Seven { public static int main(String[] args) { return 7; } }\n",
}
PATIENT = f"exec_timeout_s = {LONG_S}\nallocate_timeout_s = {LONG_S}\nmax_workers = 2\n"


def seven(daemon: RunningDaemon, suffix: str) -> Path:
    script = daemon.scripts / f"Seven{suffix}"
    script.write_text(SEVEN[suffix], encoding="ascii")
    return script


def test_a_runtime_that_is_not_installed_is_named_with_its_package_and_the_others_serve(tmp_path: Path) -> None:
    tables = "".join(f'\n[runtimes.{one.runtime}]\ncommand = ["no-such-{one.program}"]' for one in SIBLINGS)
    with RunningDaemon(tmp_path, PATIENT + tables) as daemon:
        mono = compiled(daemon.scripts, "Seven", RETURNS.format(7))
        lease = Lease(str(daemon.socket))
        assert run(lease, mono) == 7

        for language in SIBLINGS:
            with pytest.raises(PoolExhausted, match=f"apt-get install --no-install-recommends {language.package}"):
                run(lease, seven(daemon, language.suffix))
            assert run(lease, mono) == 7

        log = daemon.log()
        lease.close()
    assert all(f"apt-get install --no-install-recommends {one.package}" in log for one in SIBLINGS)
    assert "Traceback" not in log


@each()
def test_a_worker_lives_on_when_its_daemon_dies(tmp_path: Path, language: Language) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        script, lease = seven(daemon, language.suffix), Lease(str(daemon.socket))

        before = run(lease, script)
        daemon.kill()
        codes = [run(lease, script) for _ in range(20)]
        lease.close()

    assert before == 7
    assert codes == [7] * 20
