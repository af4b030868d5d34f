"""``ModF`` on tables of a Kamailio that lie in this process's own memory: what is called, and what is not.

tests/kamailio/test_modf_exports.py calls the functions of a real one.
"""

from __future__ import annotations

import pytest

from runner.hosts.kamailio import functions


def test_outside_kamailio_nothing_is_run() -> None:
    with pytest.raises(functions.CannotRun, match="ModF is off: this program is not a Kamailio"):
        functions.run("has_totag", None, None)
