"""Ways out of a sandbox that a script may try: sockets that are files, other families, other kinds of system calls."""

from __future__ import annotations

import contextlib
import errno
import platform
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.machine.confinement import measures
from runner.runner import Runner
from runner.settings import Settings
from runner.worker import confine, seccomp
from runner.worker.sandbox import TMP_BYTES
from tests.programs import WAIT_S, needs_bwrap
from tests.shelf import said

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = "/usr/bin/python3"
needs_filter = pytest.mark.skipif(
    not seccomp.program(), reason=f"the sandbox has no filter of system calls for {platform.machine()}"
)

# What a program that a script starts tries; it prints one line for each attempt.
TRIES = """
import errno, socket, sys
def tried(what):
    try:
        return what() or "done"
    except OSError as error:
        return errno.errorcode[error.errno]
def stream():
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
def datagram():
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", sys.argv[2])
def pair_of_datagrams():
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", sys.argv[2])
def pair_of_raw():
    socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)[0].sendto(b"x", sys.argv[2])
def pair_of_streams():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    one.sendall(b"x")
    return other.recv(1).decode() + " arrived"
for way in (stream, datagram, pair_of_datagrams, pair_of_raw, pair_of_streams):
    print(way.__name__, tried(way))
for family in ("AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_INET", "AF_INET6", "AF_NETLINK"):
    kind = socket.SOCK_RAW if family == "AF_NETLINK" else socket.SOCK_DGRAM
    print(family, tried(lambda: socket.socket(getattr(socket, family), kind) and None))
"""
URING = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("io_uring", libc.syscall(425, 8, ctypes.create_string_buffer(120)), ctypes.get_errno())
"""
# socket(AF_UNIX, SOCK_STREAM, 0) of i386, from a process of x86_64.
SHORT = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("53 b8 67010000 bb 01000000 b9 01000000 31d2 cd80 5b c3"))
made = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
print("of 32 bits", made)
"""


def walled(*script_dirs: Path) -> Settings:
    return Settings(
        sandbox="bwrap",
        num_workers=1,
        spare_workers=0,
        exec_timeout_s=WAIT_S,
        allocate_timeout_s=WAIT_S,
        script_dirs=script_dirs or None,
    )


@pytest.fixture
def listeners() -> Iterator[tuple[str, str]]:
    """Two sockets like those of services, for streams and for datagrams, in a directory that a sandbox shows."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp"))
        Path(place).chmod(0o755)
        paths = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            paths.append(f"{place}/{kind.name}")
            listener.bind(paths[-1])
            Path(paths[-1]).chmod(0o777)
            if kind is socket.SOCK_STREAM:
                listener.listen()
        yield paths[0], paths[1]


def program_says(runner: Runner, directory: Path, code: str, *arguments: str) -> dict[str, str]:
    """What a Python program that a script starts prints: from the first word of a line to the rest."""
    program = directory / "program.py"
    program.write_text(code, "utf-8")
    words = " ".join([str(program), *arguments])
    body = (
        f'var start = new System.Diagnostics.ProcessStartInfo("{PYTHON}", "{words}") '
        "{ UseShellExecute = false, RedirectStandardOutput = true }; "
        "using (var process = System.Diagnostics.Process.Start(start)) "
        "{ Core.Log(1, process.StandardOutput.ReadToEnd()); process.WaitForExit(); }"
    )
    return dict(line.split(" ", 1) for line in said(runner, directory, body).splitlines())


def outside(code: str, *arguments: str) -> str:
    """What the same program prints without a sandbox."""
    done = subprocess.run([PYTHON, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_S)
    return done.stdout


@needs_bwrap
@needs_filter
def test_a_script_reaches_no_socket_that_is_a_file(tmp_path: Path, listeners: tuple[str, str]) -> None:
    with Runner(walled(tmp_path)) as runner:
        told = program_says(runner, tmp_path, TRIES, *listeners)

    assert told == {
        "stream": "EAFNOSUPPORT",
        "datagram": "EAFNOSUPPORT",
        "pair_of_datagrams": "EAFNOSUPPORT",
        "pair_of_raw": "EAFNOSUPPORT",
        "pair_of_streams": "x arrived",
        "AF_VSOCK": "EAFNOSUPPORT",
        "AF_ALG": "EAFNOSUPPORT",
        "AF_PACKET": "EAFNOSUPPORT",
        "AF_INET": "done",
        "AF_INET6": "done",
        "AF_NETLINK": "done",
    }


@needs_bwrap
def test_without_the_filter_a_script_would_reach_those_sockets(
    tmp_path: Path, listeners: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seccomp, "program", lambda: b"")

    with Runner(walled(tmp_path)) as runner:
        told = program_says(runner, tmp_path, TRIES, *listeners)

    assert {told[way] for way in ("stream", "datagram", "pair_of_datagrams", "pair_of_raw")} == {"done"}


@needs_bwrap
@needs_filter
def test_mono_itself_cannot_open_such_a_socket(tmp_path: Path) -> None:
    body = (
        "try { new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, "
        'System.Net.Sockets.SocketType.Stream, 0); Core.Log(1, "made"); } '
        "catch (System.Net.Sockets.SocketException error) { Core.Log(1, error.SocketErrorCode.ToString()); }"
    )

    with Runner(walled()) as runner:
        assert said(runner, tmp_path, body) == "AddressFamilyNotSupported"


@needs_bwrap
@needs_filter
def test_io_uring_does_not_bypass_the_filter(tmp_path: Path) -> None:
    with Runner(walled(tmp_path)) as runner:
        told = program_says(runner, tmp_path, URING)

    assert told["io_uring"] == f"-1 {errno.ENOSYS}"


@needs_bwrap
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the calls of i386 are those of a machine of x86_64")
def test_32_bit_calls_do_not_bypass_the_filter(tmp_path: Path) -> None:
    without = outside(SHORT)
    if not without.startswith("of 32 bits ") or int(without.split()[-1]) < 0:
        pytest.skip("this kernel takes no calls of 32 bits (CONFIG_IA32_EMULATION)")

    with Runner(walled(tmp_path)) as runner:
        told = program_says(runner, tmp_path, SHORT)

    assert told["of"] == f"32 bits {-errno.ENOSYS}"


@needs_bwrap
def test_doctor_reports_the_filter_as_the_kernel_does() -> None:
    with Runner(walled()) as runner:
        (pid,) = runner.snapshot().pids
        (found,) = [measure for measure in measures(runner.settings, pid) if measure.title == "sandbox"]

    assert ("nor sockets of services" in found.text) == bool(seccomp.program())


@needs_bwrap
def test_a_script_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = (
        'long written = 0; try { using (var file = System.IO.File.Create("big")) '
        "{ var block = new byte[1 << 20]; for (int i = 0; i < 1000; i++) "
        "{ file.Write(block, 0, block.Length); file.Flush(true); written += block.Length; } } } "
        'catch (System.IO.IOException) { } Core.Log(1, written + "");'
    )

    with Runner(walled()) as runner:
        written = int(said(runner, tmp_path / "scripts", body))
        on_disk = list(tmp_path.glob("app-mono-*/worker-*/*/*"))

    assert 0 < written <= TMP_BYTES
    assert on_disk == []


def test_a_file_that_is_too_long_is_an_exception_and_the_worker_keeps_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGXFSZ used to end mono."""
    monkeypatch.setattr(confine, "FILE_BYTES", confine.MIB)
    body = (
        'try { System.IO.File.WriteAllBytes("big", new byte[2 << 20]); Core.Log(1, "written"); } '
        'catch (System.IO.IOException) { Core.Log(1, new System.IO.FileInfo("big").Length + ""); }'
    )
    settings = Settings(num_workers=1, spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)

    with Runner(settings) as runner:
        before = runner.snapshot().pids
        assert said(runner, tmp_path, body) == str(confine.MIB)
        assert runner.snapshot().pids == before


def test_the_size_of_every_workers_files_is_limited() -> None:
    with Runner(Settings(spare_workers=0)) as runner:
        (pid,) = runner.snapshot().pids
        limits = Path(f"/proc/{pid}/limits").read_text("ascii")

    assert f"Max file size             {confine.FILE_BYTES}" in limits
