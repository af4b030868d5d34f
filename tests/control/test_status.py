"""runner.control.status: what a daemon says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from runner.control import status
from runner.control.kinds import Malformed


def test_the_status_of_another_version_is_no_status() -> None:
    with pytest.raises(Malformed, match=r"^workers: expected an object, got 7"):
        status.Status.read(_status(workers=[7]))


def _status(**changed: object) -> dict[str, Any]:
    texts = dict.fromkeys(("socket", "load", "advice", "start_error"), "")
    lists: dict[str, Any] = {"script_dirs": [], "refused_scripts": {}, "refused_messages": [], "workers": []}
    numbers = dict.fromkeys(
        [
            *("up_s", "clients", "users", "max_workers", "from_earlier_daemon", "starting", "ending", "waiting"),
            *("start_failures", "next_start_s"),
        ],
        0,
    )
    return {"pid": 1, **texts, **lists, **numbers, **changed}
