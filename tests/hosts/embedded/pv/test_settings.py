"""The settings of a server, by ``$ccp`` and by ``$sel``: each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import with_headers


@pytest.mark.parametrize(
    ("setting", "text", "number"),
    [
        ("core.debug", "-1", -1),
        ("core.memdbg", "4", 4),
        ("tcp.rd_buf_size", "16384", 16384),
        ("tm.default_reason", "Server Internal Error", 0),
        ("tm.ac_extra_hdrs", "", 0),
        ("tm.fr_timer", None, 0),
        ("core.nosuch", None, 0),
        ("a.b.c", None, 0),
    ],
)
def test_a_setting_is_read_unless_it_is_checked_on_a_change(setting: str, text: str | None, number: int) -> None:
    name = f"$ccp({setting})"
    read = with_headers()

    assert (read.get_s(name), read.get_i(name), read.is_null(name)) == (text, number, int(text is None))


def test_a_setting_read_by_a_select_is_a_text() -> None:
    assert (with_headers().get_s("$sel(cfg_get.core.debug)"), with_headers().get_i("$sel(cfg_get.core.debug)")) == (
        "-1",
        0,
    )


def test_a_setting_that_is_written_must_be_known_and_a_number_where_it_is_one() -> None:
    written = with_headers()

    assert [written.set_s(f"$ccp({name})", "1") for name in ("a.b", "core.nosuch", "core.debug.x")] == [-1, -1, -1]
    assert [written.set_s("$ccp(core.memdbg)", text) for text in ("1", "-1", "", "x", "1x", " 1")] == [0, 0, *[-1] * 4]
    assert [written.set_i(f"$ccp({name})", 1) for name in ("core.xx", "core.memdbg", "tm.fr_timer")] == [-1, 0, 0]
    assert (written.set_s("$ccp(tm.default_reason)", "x"), written.unset("$ccp(a.b)")) == (0, 0)
