"""runner.daemon.access: the control socket, who may use it, and how many at one time."""

from __future__ import annotations

import os
import pwd
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from runner.daemon.access import BACKLOG, bound, group_id, is_trusted, no_place, owner_id, refusal
from runner.errors import ConfigError
from runner.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ROOT = 0


@pytest.mark.parametrize(("most", "shares"), [(1, [1]), (2, [2]), (16, [12, 3, 1]), (256, [192, 48, 12, 3, 1])])
def test_each_user_leaves_places_to_the_next_one_though_it_takes_all_it_can(most: int, shares: list[int]) -> None:
    settings = Settings(max_clients=most)
    taken: list[int] = []
    for user in range(2000, 2000 + len(shares)):
        while not no_place(user, taken, settings):
            taken.append(user)

    assert [taken.count(user) for user in range(2000, 2000 + len(shares))] == shares


def test_who_is_trusted_may_have_all_places_and_no_more() -> None:
    settings = Settings(max_clients=16)
    taken: list[int] = []
    while not no_place(ROOT, taken, settings):
        taken.append(ROOT)

    assert len(taken) == 16


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(socket=tmp_path / "run" / "c.sock", socket_mode="0640")


def test_the_socket_is_there_with_its_mode_for_the_length_of_the_block(settings: Settings) -> None:
    with bound(settings) as sock:
        found = settings.socket.stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, os.geteuid(), os.getegid())
        with socket.socket(socket.AF_UNIX) as client:
            with pytest.raises(ConnectionRefusedError):
                client.connect(str(settings.socket))
            sock.listen(BACKLOG)
            client.connect(str(settings.socket))

    assert not settings.socket.exists()


def test_a_socket_that_a_dead_daemon_left_is_replaced_and_a_live_one_never(settings: Settings) -> None:
    settings.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(settings.socket))

    with bound(settings):
        live = settings.socket.stat().st_ino
        with pytest.raises(ConfigError, match="another daemon listens there; stop it first"), bound(settings):
            pass
        assert settings.socket.stat().st_ino == live


def test_a_file_in_the_place_of_the_socket_is_not_removed(settings: Settings) -> None:
    settings.socket.parent.mkdir()
    settings.socket.write_text("precious", "utf-8")

    with pytest.raises(ConfigError, match="expected a socket or nothing there, found another file"), bound(settings):
        pass
    assert settings.socket.read_text("utf-8") == "precious"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    settings = Settings(socket=tmp_path / "none" / "deeper" / "c.sock")

    with pytest.raises(ConfigError, match=r"cannot be made: No such file or directory: .*deeper"), bound(settings):
        pass


def test_users_and_groups_that_are_not_there_are_named_with_their_setting() -> None:
    with pytest.raises(ConfigError, match="socket_owner: there is no user 'nobody-at-all'"):
        owner_id(Settings(socket_owner="nobody-at-all"))
    with pytest.raises(ConfigError, match="socket_group: there is no group 'nobody-at-all'"):
        group_id(Settings(socket_group="nobody-at-all"))


def test_root_the_daemons_user_and_the_owner_of_the_socket_are_trusted() -> None:
    owned = Settings(socket_owner="nobody")
    nobody = pwd.getpwnam("nobody").pw_uid

    assert owner_id(owned) == nobody
    assert [is_trusted(uid, owned) for uid in (ROOT, os.geteuid(), nobody, 2000)] == [True, True, True, False]
    assert is_trusted(nobody, Settings()) is (os.geteuid() == nobody)
    assert (owner_id(Settings()), group_id(Settings())) == (os.geteuid(), os.getegid())


def test_a_peer_of_the_daemons_own_user_may_speak() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert refusal(ours, Settings()) == ""


def test_why_there_is_no_place_is_said_with_the_numbers() -> None:
    settings = Settings(max_clients=4)

    assert no_place(2000, [1] * 4, settings) == "4 clients are connected already (max_clients)"
    assert no_place(2000, [2000] * 3, settings) == (
        "3 clients of uid 2000 are connected already, and 1 places are for other users (max_clients)"
    )
    assert no_place(2001, [2000] * 3, settings) == ""
