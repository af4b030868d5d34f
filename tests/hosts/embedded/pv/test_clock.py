"""Time, at one moment; what a Kamailio 5.6.3 gave at that second, in UTC."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv import clock
from tests.places import INVITE

SUNDAY = 1795927296
FIELDS = {"sec": 36, "min": 41, "hour": 4, "mday": 29, "mon": 11, "year": 2026, "wday": 1, "yday": 333, "isdst": 0}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> MessageHost:
    now = time.gmtime(SUNDAY)
    stopped = SimpleNamespace(
        time=lambda: SUNDAY + 0.25,
        gmtime=lambda: now,
        localtime=lambda _=None: now,
        ctime=lambda: time.asctime(now),
        strftime=time.strftime,
    )
    monkeypatch.setattr(clock, "time", stopped)
    return MessageHost(INVITE)


def test_months_and_days_count_from_1_and_a_week_begins_on_sunday(host: MessageHost) -> None:
    assert {field: host.get_i(f"$time({field})") for field in FIELDS} == FIELDS
    assert {field: host.get_i(f"$utime({field})") for field in FIELDS} == FIELDS


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("$Ts", "1795927296", SUNDAY),
        ("$TS", "1795927296", SUNDAY),
        ("$Tb", "1795927296", SUNDAY),
        ("$Tf", "Sun Nov 29 04:41:36 2026", 0),
        ("$TF", "Sun Nov 29 04:41:36 2026", 0),
        ("$timef(%Y-%%)", "2026-%", 0),
        ("$utimef(%m)", "11", 0),
        ("$TV(s)", "1795927296", SUNDAY),
        ("$TV(u)", "250000", 250000),
        ("$TV(Sn)", "1795927296.250000", 0),
        ("$TV(Fn)", "2026-11-29 04:41:36.250000", 0),
    ],
)
def test_a_time_is_a_number_or_a_text(host: MessageHost, name: str, text: str, number: int) -> None:
    assert (host.get_s(name), host.get_i(name)) == (text, number)


@pytest.mark.parametrize("name", ["$time(x)", "$time()", "$timef()", "$TV(x)", "$TV(S)", "$TV(U)"])
def test_a_field_or_a_format_has_to_be_named(host: MessageHost, name: str) -> None:
    assert host.is_null(name) == -1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$timef($var(f))", "$var(f)"),
        ("$timef($nosuch)", "$nosuch"),
        ("$timef(a$rU)", "a$rU"),
        (f"$timef({'x' * 63})", "x" * 63),
        (f"$timef({'x' * 64})", None),
    ],
)
def test_a_format_is_a_text_as_written_that_gives_at_most_63_bytes(
    host: MessageHost, name: str, value: str | None
) -> None:
    host.set_s("$var(f)", "%Y")

    assert host.get_s(name) == value


def test_microseconds_are_those_of_the_seconds_that_were_read_last(host: MessageHost) -> None:
    assert [host.get_i(f"$TV({name})") for name in ("un", "sn", "un")] == [0, SUNDAY, 250000]
