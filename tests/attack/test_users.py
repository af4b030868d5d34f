"""The attacking users are real users, and nothing of them is left afterwards."""

from __future__ import annotations

import pwd

import pytest

from tests.attack.users import as_root, new_user


@as_root
def test_an_attack_runs_as_a_user_that_is_gone_afterwards() -> None:
    code = "import os, runner.control.connection as module; print(os.getuid(), os.getgroups(), module.__file__)"

    with new_user() as user:
        printed = user.run(code)

    assert printed.split() == [str(user.uid), "[]", f"{user.home}/runner/control/connection.py"]
    assert not user.home.exists()
    with pytest.raises(KeyError):
        pwd.getpwnam(user.name)
