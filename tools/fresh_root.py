"""
Runs a command on this checkout in a fresh root of a Debian release, as a new machine would.

``python3 -m tools.fresh_root RELEASE [--as-user] [--keep] COMMAND ...``, as root. The root has git, make and python3
and nothing else of what the project needs; it is made once by debootstrap, kept below ``build/roots``, and copied for
each run, or once for all with --keep. The last commit of the checkout is cloned into it. Processes and mounts of a run
end with it.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ROOTS = CHECKOUT / "build" / "roots"
PACKAGES = "ca-certificates,git,make,python3,sudo"
USER = "dev"
# What a machine behind a proxy needs to reach the package registries: name resolution and certificates.
BORROWED = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
# Those that this machine's administrator added: a package such as a JDK makes the file above again, out of these.
ADDED_CERTIFICATES = "/usr/local/share/ca-certificates"
PASSED_ON = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy", "ARGS")
# Mounts of its own, process numbers of its own: whatever is left behind ends with the command.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
# pivot_root and not chroot: in a chroot the kernel refuses a user namespace, which a sandbox needs.
INSIDE = """set -eu
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs dev/shm
pivot_root . .
umount -l .
cd /
shift
exec "$@"
"""


def base(release: str) -> Path:
    """The root that runs are copied from, made if it is not there."""
    place = ROOTS / release
    if not (place / "done").exists():
        debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if debootstrap is None:
            sys.exit("debootstrap is not installed: apt-get install debootstrap")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        command = [debootstrap, "--variant=minbase", f"--include={PACKAGES}", release, str(place / "root")]
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit(
                f"debootstrap could not make a root of {release}; its log: {place}/root/debootstrap/debootstrap.log"
            )
        (place / "done").touch()
    return place / "root"


def remove_left(place: Path) -> None:
    """Remove the roots of runs that were killed."""
    for root in place.glob("run-*"):
        if not Path("/proc", root.name.removeprefix("run-")).exists():
            shutil.rmtree(root, ignore_errors=True)


def lend_network(root: Path) -> None:
    """Let a root reach what this machine reaches."""
    for file in (*map(Path, BORROWED), *Path(ADDED_CERTIFICATES).glob("*.crt")):
        if file.exists():
            (root / file.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / file.relative_to("/"))


def prepare(root: Path, *, as_user: bool) -> str:
    """Put a clone of the checkout, and its user, into a root; the shell command that goes there."""
    lend_network(root)
    # Not below /root: several tests let another user run what is in the checkout.
    home = f"/home/{USER}" if as_user else "/srv"
    if as_user:
        chroot(root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
        rule = root / "etc/sudoers.d" / USER
        rule.write_text(f'{USER} ALL=(ALL) NOPASSWD: ALL\nDefaults env_keep += "{" ".join(PASSED_ON)}"\n', "utf-8")
        rule.chmod(0o440)
    clone = root / home.lstrip("/") / "app-mono"
    git = ["git", "-c", f"safe.directory={CHECKOUT}", "-c", f"safe.directory={clone}"]
    if clone.exists():  # in a root that was kept
        subprocess.run([*git, "-C", str(clone), "fetch", "--quiet", str(CHECKOUT), "HEAD"], check=True)
        subprocess.run([*git, "-C", str(clone), "reset", "--quiet", "--hard", "FETCH_HEAD"], check=True)
    else:
        subprocess.run([*git, "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
    chroot(root, "chown", "-R", f"{USER}:{USER}" if as_user else "root:root", f"{home}/app-mono")
    return f"cd {home}/app-mono"


def chroot(root: Path, *command: str) -> None:
    """Run a command inside, for what needs no mounts."""
    subprocess.run(["chroot", str(root), *command], check=True)  # noqa: S607 - from PATH


def run(root: Path, command: str, *, as_user: bool) -> int:
    """Run a shell command inside; its exit status."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    environment |= {"HOME": f"/home/{USER}" if as_user else "/root", "TERM": os.environ.get("TERM", "dumb")}
    script = f"exec {f'sudo -E -H -u {USER} ' if as_user else ''}bash -c {shlex.quote(command)}"
    words = [*ALONE, "sh", "-c", INSIDE, "inside", str(root), "bash", "-c", script]
    return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def main() -> None:
    """As the module says."""
    about = "Run a command on this checkout in a fresh root of a Debian release."
    parser = argparse.ArgumentParser(prog="tools.fresh_root", description=about)
    parser.add_argument("release", help="bookworm, trixie, ...")
    parser.add_argument("--as-user", action="store_true", help="as an ordinary user who may use sudo, not as root")
    parser.add_argument("--keep", action="store_true", help="keep the root, and use the one that was kept before")
    parser.add_argument("command", nargs="+", help="what to run in the clone, for example: make test")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("only root can make a root file system of another release: run it with sudo")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that the copy goes
    template = base(arguments.release)
    remove_left(template.parent)
    root = template.parent / ("kept" if arguments.keep else f"run-{os.getpid()}")
    # Of the checkout's owner, who need not be root.
    git = ["git", "-c", f"safe.directory={CHECKOUT}", "-C", str(CHECKOUT), "status", "--porcelain"]
    if subprocess.run(git, capture_output=True, check=False).stdout:
        print("The last commit is what runs; this checkout has changes that are not in it.", file=sys.stderr)  # noqa: T201
    try:
        if not root.exists():
            subprocess.run(["cp", "-a", "--reflink=auto", str(template), str(root)], check=True)  # noqa: S607 - from PATH
        go = prepare(root, as_user=arguments.as_user)
        status = run(root, f"{go} && {' '.join(arguments.command)}", as_user=arguments.as_user)
        if arguments.keep:
            clone = go.removeprefix("cd ")
            print(f"{clone} is {root}{clone} outside of that root.", file=sys.stderr)  # noqa: T201
    finally:
        if not arguments.keep:
            shutil.rmtree(root, ignore_errors=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
