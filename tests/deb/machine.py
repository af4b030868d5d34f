"""A Debian that was just installed, in a root and namespaces of its own, with systemd as process 1.

Its network has no way out, and all ports are free there. What apt will need is fetched before.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import until
from tools.fresh_root import base, lend_network

if TYPE_CHECKING:
    from collections.abc import Iterator

# The root is an overlay in memory: nothing has to be copied or removed. It waits while it is prepared, and then boots.
# Its /proc is not covered anywhere, which a sandbox needs; so UNITS_OF_HOST are not started.
BOOT = """set -eu
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir new work root
mount -t overlay overlay -o "lowerdir=$2,upperdir=new,workdir=work" root
cd root
echo ready
read go
exec unshare --cgroup --uts --ipc --net sh -euc '
ip link set lo up
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs dev/shm
pivot_root . .
umount -l .
cd /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' >/dev/null </dev/null
"""
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", BOOT, "boot")
UNITS_OF_HOST = ("systemd-binfmt", "systemd-modules-load", "systemd-sysctl", "console-getty", "getty@", "serial-getty@")
"""What would change settings of the kernel, or sit at terminals, which are those of the real machine."""
UP = ("running", "degraded")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
}
APT = ("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0")
TAKES_S = 900.0  # an installation, on a busy machine


class Machine:
    """
    Commands on it.

    Args:
        pid: Its systemd.
    """

    def __init__(self, pid: int) -> None:
        self.root = Path(f"/proc/{pid}/root")
        """Its files, seen from here."""
        self.in_network = ("nsenter", f"--net=/proc/{pid}/ns/net")
        self.inside = ("nsenter", f"--target={pid}", "--all")

    def try_run(self, *command: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as root, with ``text`` as its input; stdout and stderr are one text."""
        return subprocess.run(
            [*self.inside, *command], input=text, env=ENVIRONMENT | environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", timeout=TAKES_S, check=False,
        )  # fmt: skip

    def run(self, *command: str, text: str = "", **environment: str) -> str:
        """As ``try_run``; a command that fails fails the test. What it printed."""
        done = self.try_run(*command, text=text, **environment)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def apt(self, *words: str) -> str:
        """apt-get, which asks nobody and fetches nothing."""
        return self.run(*APT, *words)

    def put(self, file: Path, place: str) -> None:
        """Copy a file of ours there."""
        shutil.copy(file, self.root / place.lstrip("/"))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text, which has to be there, in a file."""
        place = self.root / path.lstrip("/")
        before = place.read_text("utf-8")
        assert old in before, f"{path} has no {old!r}"
        place.write_text(before.replace(old, new, 1), "utf-8")

    def property(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()


@contextmanager
def booted(release: str, packages: list[Path], more: tuple[str, ...] = ()) -> Iterator[Machine]:
    """
    A machine with this release of Debian, which ends with the block; what is written there stays in memory.

    Args:
        release: "bookworm", "trixie".
        packages: Files that apt will install from its /srv. What the first depends on is fetched.
        more: Packages that are installed already.
    """
    template = base(release)
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen(
            [*APART, place, str(template)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as apart,
    ):
        assert apart.stdin is not None
        assert apart.stdout is not None
        try:
            assert apart.stdout.readline() == "ready\n", "no overlay in memory: only root can mount one"
            pid = int(Path(f"/proc/{apart.pid}/task/{apart.pid}/children").read_text("ascii"))
            _prepare(Path(f"/proc/{pid}/cwd"), packages, more)
            apart.stdin.write("go\n")
            apart.stdin.flush()
            machine = Machine(pid)
            until(lambda: machine.try_run("systemctl", "is-system-running").stdout.strip() in UP, "it is up")
            yield machine
        finally:
            apart.kill()


def _prepare(root: Path, packages: list[Path], more: tuple[str, ...]) -> None:
    lend_network(root)
    for package in packages:
        shutil.copy(package, root / "srv")
    for unit in UNITS_OF_HOST:
        (root / "etc/systemd/system" / f"{unit}.service").symlink_to("/dev/null")
    for words in (
        ["update"],
        ["install", "--no-install-recommends", "systemd", "systemd-sysv", "dbus", *more],
        ["install", "--download-only", f"/srv/{packages[0].name}"],
    ):
        done = subprocess.run(
            ["/usr/sbin/chroot", root, *APT, *words],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=TAKES_S,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
