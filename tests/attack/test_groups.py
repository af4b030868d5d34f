"""A user's own group may write to files, as it can by default on Debian 13. A group of several users may not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.trust import Place, Untrusted
from tests.attack.users import administer, as_root

if TYPE_CHECKING:
    from pathlib import Path

    from tests.attack.users import User

pytestmark = as_root


@pytest.fixture
def script(tmp_path: Path, victim: User) -> Path:
    """A script of the user in a directory of the user, made with the umask 0002."""
    script = tmp_path / "scripts" / "x.exe"
    script.parent.mkdir()
    script.write_bytes(b"content")
    for path, mode in ((script.parent, 0o775), (script, 0o664)):
        os.chown(path, victim.uid, victim.gid)
        path.chmod(mode)
    return script


def require(script: Path, owner: User) -> None:
    with Place(str(script)) as place:
        place.require_trust(owner=owner.uid)


def test_a_users_own_group_may_write(script: Path, victim: User) -> None:
    require(script, victim)


def test_a_users_group_may_not_write_while_somebody_else_is_in_it(script: Path, victim: User, attacker: User) -> None:
    administer("usermod", "--append", "--groups", victim.name, attacker.name)

    with pytest.raises(Untrusted, match="others may change it: chmod go-w"):
        require(script, victim)


def test_a_users_group_may_not_write_while_it_is_another_users_primary_group(
    script: Path, victim: User, attacker: User
) -> None:
    administer("usermod", "--gid", victim.name, attacker.name)

    try:
        with pytest.raises(Untrusted, match="others may change it: chmod go-w"):
            require(script, victim)
    finally:
        administer("usermod", "--gid", attacker.name, attacker.name)


def test_a_group_that_is_not_the_users_primary_group_may_not_write(script: Path, victim: User, attacker: User) -> None:
    os.chown(script, victim.uid, attacker.gid)

    with pytest.raises(Untrusted, match="others may change it: chmod go-w"):
        require(script, victim)


def test_all_users_may_never_write(script: Path, victim: User) -> None:
    script.chmod(0o666)

    with pytest.raises(Untrusted, match="has mode 0666"):
        require(script, victim)
