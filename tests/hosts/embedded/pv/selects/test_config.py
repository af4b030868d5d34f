"""Selects of the configuration; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import is_unknown, values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_settings_of_the_server(host: MessageHost) -> None:
    assert values(host, "cfg_get.core.debug cfg_get.maxfwd.max_limit cfg_get.tm.default_reason cfg_selected.core") == [
        "-1",
        "70",
        "Server Internal Error",
        "",
    ]
    assert host.is_null("$sel(cfg_get.tm.ac_extra_hdrs)") == 1


@pytest.mark.parametrize(
    "select", ["cfg_get.CORE.debug", "cfg_get.core.nosuch", "cfg_get.tm.fr_timer", "cfg_selected.x"]
)
def test_a_setting_that_does_not_exist_or_is_checked_on_a_change_is_unknown(host: MessageHost, select: str) -> None:
    assert is_unknown(host, select)
