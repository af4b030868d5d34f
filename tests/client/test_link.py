"""client.link: a connection that is made when it is needed, and again after a pause."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.backoff import Backoff
from runner.client.link import FIRST_PAUSE_S, LONGEST_PAUSE_S, REFUSED_PAUSE_S, Link
from runner.client.tally import Tally
from runner.control.connection import INTERNAL_ERROR, PROTOCOL
from runner.control.messages import FindAnswer, FindRequest, Loaded, Refuse, Report, Swap
from runner.errors import ConfigError
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HELLO = {"id": 1, "result": {"refused": [["/x.exe", "a@b", 2.0]]}}
SWAP = {"method": "swap", "params": {"lease": "1e", "reason": "reset"}}
REPORT = Report(lease="1e", execs=1, loads=1, bound={}, loaded={})


class Daemon:
    """It says lines to whoever connects, one after each line that it hears, and keeps what it heard."""

    def __init__(self, path: Path, *says: list[dict[str, Any]]) -> None:
        self.path = path
        self.heard: list[dict[str, Any]] = []
        self.says = list(says)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)
        self._listener.close()

    def _serve(self) -> None:
        try:
            while True:
                sock, _ = self._listener.accept()
                with sock, sock.makefile("rb") as lines:
                    for line in lines:
                        self.heard.append(json.loads(line))
                        said = self.says.pop(0) if self.says else []
                        sock.sendall(b"".join(json.dumps({"jsonrpc": "2.0", **m}).encode() + b"\n" for m in said))
                        if not said:
                            break
        except OSError:
            return


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "c.sock")
    yield made
    made.close()


def soon() -> float:
    return time.monotonic() + WAIT_S


def link_to(
    path: Path, held: Report | None = None, clock: Callable[[], float] = lambda: 0.0
) -> tuple[Link, list[Refuse | Swap]]:
    """A pause does not end by itself: it may be shorter than what a busy machine takes between two steps."""
    heard: list[Refuse | Swap] = []
    link = Link(str(path), lambda: held, heard.append, Tally())
    link.backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, clock=clock)
    return link, heard


def test_hello_says_the_version_and_the_worker_that_is_still_held(daemon: Daemon) -> None:
    daemon.says = [[HELLO]]
    link, _ = link_to(daemon.path, REPORT)

    answer = link.connect(soon())

    assert answer is not None
    assert answer.refused == (("/x.exe", "a@b", 2.0),)
    assert daemon.heard[0]["params"] == {"protocol": PROTOCOL, "have": REPORT.as_json(), "counters": True}
    link.close()


def test_notices_before_an_answer_are_heard_first(daemon: Daemon) -> None:
    daemon.says = [[HELLO], [SWAP, {"id": 1, "result": {"helper": None}}]]
    link, heard = link_to(daemon.path)
    link.connect(soon())

    answer = link.ask(FindRequest(generation="6f", name="H"), FindAnswer, soon())

    assert answer == FindAnswer(helper=None)
    assert heard == [Swap(lease="1e", reason="reset")]
    link.close()


@pytest.mark.parametrize(
    "said",
    [
        {"id": 1, "result": {"helper": 7}},
        {"id": 2, "result": {}},
        {"method": "swap", "params": {"reason": "no lease"}},
        {"method": "swap"},
        {"method": "none", "params": {}},
        {"method": [], "params": {}},
    ],
)
def test_a_daemon_that_says_anything_else_is_as_good_as_none_and_the_log_says_so_once(
    daemon: Daemon, caplog: pytest.LogCaptureFixture, said: dict[str, Any]
) -> None:
    daemon.says = [[HELLO], [said, {"id": 1, "result": {"helper": None}}]]
    link, _ = link_to(daemon.path, REPORT)
    link.connect(soon())

    assert [link.ask(FindRequest(generation="6f", name="H"), FindAnswer, soon()) for _ in range(3)] == [None] * 3

    assert link.control is None
    assert link.is_pausing()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "; its worker goes on" in caplog.text


def test_a_daemon_with_an_internal_error_is_as_good_as_none(daemon: Daemon) -> None:
    """Each exec failed, and asked it again; what is served without a daemon goes on being served."""
    daemon.says = [[HELLO], [{"id": 1, "error": {"code": INTERNAL_ERROR, "message": "internal error"}}]]
    link, _ = link_to(daemon.path)
    link.connect(soon())

    assert link.ask(FindRequest(generation="6f", name="H"), FindAnswer, soon()) is None
    assert link.control is None
    assert link.is_pausing()


def test_a_refusal_is_raised_as_the_daemon_meant_it_and_the_connection_stays(daemon: Daemon) -> None:
    error = {"code": -32000, "message": "no", "data": {"kind": "ConfigError"}}
    daemon.says = [[HELLO], [{"id": 1, "error": error}]]
    link, _ = link_to(daemon.path)
    link.connect(soon())

    with pytest.raises(ConfigError, match=r"^no$"):
        link.ask(FindRequest(generation="6f", name="H"), FindAnswer, soon())
    assert link.control is not None
    link.close()


def test_where_nobody_listens_it_is_tried_again_soon_and_a_daemon_that_answers_ends_the_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    link, _ = link_to(tmp_path / "c.sock")

    assert link.connect(soon()) is None
    at = f"no daemon at {tmp_path}/c.sock: No such file or directory"
    assert (link.outage, f"{at}; no script runs until app-mono serve answers" in caplog.text) == (at, True)
    assert link.backoff.left_s() == REFUSED_PAUSE_S
    daemon = Daemon(tmp_path / "c.sock", [HELLO])
    assert link.connect(soon()) is not None

    assert link.outage == ""
    assert "answers again" in caplog.text
    link.close()
    daemon.close()


def test_a_daemon_that_is_restarted_is_waited_for(tmp_path: Path) -> None:
    link, _ = link_to(tmp_path / "c.sock")
    assert link.connect(soon()) is None
    daemons: list[Daemon] = []

    def start() -> None:
        daemons.append(Daemon(tmp_path / "c.sock", [HELLO]))

    later = threading.Timer(0.2, start)
    later.start()
    answer = link.await_daemon(soon(), is_patient=True)
    later.join(WAIT_S)

    assert answer is not None
    assert (link.outage, link.may_be_restart()) == ("", False)
    link.close()
    daemons[0].close()


def test_who_waits_for_a_daemon_that_does_not_come_has_the_rest_of_its_time(tmp_path: Path) -> None:
    link, _ = link_to(tmp_path / "c.sock")
    begin = time.monotonic()

    assert link.await_daemon(begin + 0.2, is_patient=True) is None
    assert 0.1 < time.monotonic() - begin < WAIT_S
    assert link.may_be_restart()


def test_who_is_not_patient_asks_once_and_then_not_in_a_pause(tmp_path: Path) -> None:
    now = [0.0]
    link, _ = link_to(tmp_path / "c.sock", clock=lambda: now[0])

    assert link.await_daemon(soon(), is_patient=False) is None
    assert link.is_pausing()
    assert link.may_be_restart()
    daemon = Daemon(tmp_path / "c.sock", [HELLO])
    assert link.await_daemon(soon(), is_patient=False) is None
    now[0] += REFUSED_PAUSE_S
    assert link.await_daemon(soon(), is_patient=False) is not None
    link.close()
    daemon.close()


def test_after_a_while_an_outage_is_no_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.client.link.RESTART_S", 0.0)
    tries: list[str] = []
    monkeypatch.setattr("time.sleep", lambda _: tries.append("again"))
    link, _ = link_to(tmp_path / "c.sock")

    assert link.await_daemon(soon(), is_patient=True) is None
    assert tries == []


def test_a_daemon_that_refuses_or_hangs_is_not_waited_for(daemon: Daemon) -> None:
    daemon.says = [[{"id": None, "error": {"code": 1, "message": "full", "data": {"kind": "ConfigError"}}}]]
    link, _ = link_to(daemon.path)

    assert link.await_daemon(soon(), is_patient=True) is None
    assert len(daemon.heard) == 1
    assert link.connect(time.monotonic() - 1) is None
    assert not link.may_be_restart()


def test_a_daemon_that_hangs_is_asked_less_and_less_often(daemon: Daemon) -> None:
    link, _ = link_to(daemon.path)
    pauses = []
    for _ in range(4):
        assert link.connect(time.monotonic() - 1) is None  # no time is left, as after a wait
        pauses.append(link.backoff.left_s())

    assert pauses == [FIRST_PAUSE_S * 2**number for number in range(4)]


def test_what_needs_no_answer_is_said_only_where_there_is_a_connection(daemon: Daemon) -> None:
    link, _ = link_to(daemon.path)
    link.tell(Loaded(generation="6f"))
    assert link.outage == ""

    daemon.says = [[HELLO]]
    link.connect(soon())
    link.tell(Loaded(generation="6f"))
    link.close()
    daemon.close()
    assert [said["method"] for said in daemon.heard] == ["hello", "loaded"]
