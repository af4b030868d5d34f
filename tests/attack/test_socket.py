"""Clients trust no daemon of another user, and a daemon makes no socket where another user could replace it."""

from __future__ import annotations

import os
import pwd
import tempfile
from typing import TYPE_CHECKING

import pytest

from runner.daemon.daemon import Daemon
from runner.errors import ConfigError
from runner.settings import Settings
from tests.attack import site
from tests.attack.users import as_root
from tests.running_daemon import app_mono

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.attack.users import User

LISTENS = """
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listener.listen()
say("listens")
wait()
"""
CONNECTS = (
    "try: Control.connect(sys.argv[1], deadline()); print('connected')\nexcept ControlError as error: print(error)"
)


@pytest.fixture
def given() -> Iterator[Path]:
    """A directory that only root can have made: all above it belongs to root, and nobody else may write there."""
    with tempfile.TemporaryDirectory(prefix="attack-", dir="/run") as name:
        yield site.opened(name)


@as_root
def test_a_client_does_not_trust_a_daemon_that_another_user_put_there(attacker: User, victim: User) -> None:
    socket = attacker.home / "control.sock"
    with attacker.start(site.BEGIN + LISTENS, str(socket)) as impostor:
        site.heard(impostor, "listens")

        by_user = victim.run(site.BEGIN + CONNECTS, str(socket))
        by_root = app_mono("status", "--socket", str(socket)).stderr
        by_itself = attacker.run(site.BEGIN + CONNECTS, str(socket))
        impostor.communicate("\n")

    refused = f"uid {attacker.uid} listens there, which is neither root nor this user (uid {{}}), and "
    assert refused.format(victim.uid) in by_user
    assert refused.format(0) in " ".join(by_root.split())
    assert by_itself.strip() == "connected"


@as_root
def test_a_client_trusts_a_daemon_of_the_user_who_was_given_the_directory(
    given: Path, attacker: User, victim: User
) -> None:
    """A daemon with a user of its own, as systemd's RuntimeDirectory= gives it one."""
    os.chown(given, attacker.uid, attacker.gid)
    socket = given / "control.sock"
    with attacker.start(site.BEGIN + LISTENS, str(socket)) as daemon:
        site.heard(daemon, "listens")

        owned = victim.run(site.BEGIN + CONNECTS, str(socket))
        given.chmod(0o777)
        shared = victim.run(site.BEGIN + CONNECTS, str(socket))
        given.chmod(0o755)
        os.chown(given, 0, 0)
        roots = victim.run(site.BEGIN + CONNECTS, str(socket))
        daemon.communicate("\n")

    assert owned.strip() == "connected"
    assert "so others may change it: chmod go-w" in shared
    assert f"{given} belongs to uid 0" in roots


def make_foreign(place: Path, user: User) -> None:
    os.chown(place, user.uid, user.gid)


ROOTS = "mode 0755, but must belong to root: chown root"
WRONG: dict[str, tuple[Callable[[Path, User], None], str]] = {
    "everybody's": (lambda place, _: place.chmod(0o777), "belongs to root and has mode 0777"),
    "sticky": (lambda place, _: place.chmod(0o1777), "belongs to root and has mode 1777"),
    "its group's": (lambda place, _: place.chmod(0o770), "belongs to root and has mode 0770"),
    "another user's": (make_foreign, ROOTS),
    "below another user's": (
        lambda place, user: make_foreign(place.parent, user),
        ROOTS,
    ),
    "below everybody's": (lambda place, _: place.parent.chmod(0o777), "has mode 0777"),
}


@as_root
@pytest.mark.parametrize("wrong", WRONG)
def test_a_daemon_makes_no_socket_where_others_could_replace_it(given: Path, attacker: User, wrong: str) -> None:
    spoil, told = WRONG[wrong]
    place = given / "above" / "place"
    place.mkdir(parents=True)
    spoil(place, attacker)
    config = given / "app-mono.toml"
    config.write_text(f'socket = "{place}/c.sock"\nscript_dirs = ["{given}"]\nworker_user = "root"\n', "utf-8")

    refused = app_mono("serve", "--config", str(config))

    assert refused.returncode == 2
    assert told in " ".join(refused.stderr.split())
    assert list(place.iterdir()) == []


@as_root
def test_a_link_to_another_users_directory_counts_as_that_directory(given: Path, attacker: User) -> None:
    (given / "link").symlink_to(attacker.home)
    config = given / "app-mono.toml"
    config.write_text(f'socket = "{given}/link/c.sock"\nscript_dirs = ["{given}"]\nworker_user = "root"\n', "utf-8")

    assert f"belongs to {attacker.name}" in " ".join(app_mono("serve", "--config", str(config)).stderr.split())


def own_daemon(directory: Path, **more: object) -> Daemon:
    scripts = directory / "scripts"
    scripts.mkdir()
    return Daemon(Settings(socket=directory / "c.sock", script_dirs=(scripts,), **more))  # type: ignore[arg-type]


@as_root
def test_a_daemon_of_root_must_set_worker_user(tmp_path: Path) -> None:
    """Any member of socket_group can run any code in a worker, and workers used to run as root by default."""
    with pytest.raises(ConfigError, match=r'set worker_user = "app-mono-scripts".* or worker_user = "root"'):
        own_daemon(tmp_path).__enter__()

    assert not (tmp_path / "c.sock").exists()


def test_a_daemon_of_root_starts_with_worker_user_root(tmp_path: Path) -> None:
    with own_daemon(tmp_path, worker_user=pwd.getpwuid(os.geteuid()).pw_name) as daemon:
        assert daemon.status()["workers"]
