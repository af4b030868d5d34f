from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.cli.private_kamailio import free_port
from tests.bench.test_killed import began
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_real_kamailio_answers(tmp_path: Path) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + 'request_route { sl_send_reply("200", "OK"); exit; }\n'

    with Kamailio(cfg, tmp_path, port) as kamailio, Peer(port) as peer:
        answer = peer.ask(peer.request())

        assert answer is not None
        assert answer.startswith(b"SIP/2.0 200 OK")
        assert kamailio.check().startswith("accepted")
        assert kamailio.is_alive


def test_a_configuration_it_refuses_is_told(tmp_path: Path) -> None:
    kamailio = Kamailio("request_route { nonsense(; }\n", tmp_path, free_udp_port())

    assert kamailio.check().startswith("refused")
    with pytest.raises(AssertionError, match="did not start"), kamailio:
        pass
    assert "syntax error" in kamailio.first_errors().partition("; ")[0]


def test_a_server_on_another_address_is_not_that_kamailio(tmp_path: Path) -> None:
    """It was taken for a Kamailio that had started, and what was sent then was lost."""
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + 'request_route { sl_send_reply("200", "OK"); exit; }\n'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", port))

        with Kamailio(cfg, tmp_path, port), Peer(port) as peer:
            assert peer.ask(peer.request()) is not None


def test_another_process_on_its_port_is_not_that_kamailio(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        with (
            pytest.raises(AssertionError, match="did not start"),
            Kamailio("request_route { nonsense(; }\n", tmp_path, other.getsockname()[1]),
        ):
            pass


def test_a_port_is_for_one_run_at_a_time() -> None:
    with free_port(free_udp_port()) as first, free_port(first) as second:
        assert first != second
    with free_port(first) as again:
        assert again == first


def test_a_port_that_is_kept_can_be_bound_by_kamailio_alone(tmp_path: Path) -> None:
    """Another socket got it before Kamailio did, which then could not start."""
    with free_port(free_udp_port()) as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="already in use"):
            other.bind(("127.0.0.1", port))
        cfg = preamble(port, ["sl", "pv"]) + 'request_route { sl_send_reply("200", "OK"); exit; }\n'

        with Kamailio(cfg, tmp_path, port), Peer(port) as peer:
            assert peer.ask(peer.request()) is not None


DIES = """
import os, signal, subprocess, sys
from pathlib import Path
from runner.cli.private_kamailio import Kamailio
start = subprocess.Popen
def starts(command, **more):
    if "watcher" in command:
        os.kill(os.getpid(), signal.SIGKILL)
    process = start(command, **more)
    print(process.pid, flush=True)
    return process
subprocess.Popen = starts
Kamailio("request_route { exit; }\\n", Path(sys.argv[1]), 1).__enter__()
"""


def test_who_is_killed_before_there_is_a_watcher_leaves_no_kamailio(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    until(lambda: not began(int(done.stdout)), "it has ended")
