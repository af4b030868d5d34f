"""What systemd hears of a daemon (sd_notify(3))."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from runner.daemon.systemd import notify
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["a file", "abstract"])
def test_a_state_is_one_datagram_to_the_socket_that_systemd_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(WAIT_S)
        systemd.bind(name if kind == "a file" else f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", name if kind == "a file" else f"@{name}")

        notify("READY=1")

        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "nonsense", "/no/such/socket"])
def test_without_a_systemd_that_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)

    notify("READY=1")


def test_a_systemd_that_does_not_read_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)

        for _ in range(1000):  # more than any queue of the kernel holds (net.unix.max_dgram_qlen)
            notify("WATCHDOG=1")

        assert systemd.recv(100) == b"WATCHDOG=1"
