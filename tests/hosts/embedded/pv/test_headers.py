"""Headers by name; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import with_headers

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_more_values_fit_together() -> None:
    """core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE."""
    assert versions.both("$(hdr(X)[*]{s.len})", versions.message(*["X: " + "x" * 4000] * 7)) == [None, "28006"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$hdr(f)", '"Alice" <sip:alice@example.org>;tag=a1'),
        ("$(hdr(Max-Forwards)[-1])", "70"),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$hdr(v)", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("$hdr(*)", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("$(hdr(*)[-1])", "1 REGISTER"),
        ("$hdr(X-A)", "one"),
        ("$hdr(X-A )", "one"),
        ("$hdr(X-A :)", None),
        ("$(hdr(X-A)[1])", "two"),
        ("$(hdr(X-A)[2])", None),
        ("$(hdr(X-A)[-3])", None),
        ("$(hdr(X-A)[*])", "one,two"),
        ("$(hdr(X-A)[+])", None),
        ("$hdrc(x-a)", "2"),
        ("$hdrc(v)", "1"),
        ("$hdrc(*)", "0"),
        ("$hdrc(nope)", "0"),
    ],
)
def test_a_header_is_one_of_its_name(name: str, value: str | None) -> None:
    assert with_headers("X-A: one", "X-A: two").get_s(name) == value


@pytest.mark.parametrize("name", ["$hdr(X A)", "$hdr(X-A x)", "$hdr()", "$hdrc(X A)"])
def test_what_is_no_name_of_a_header_is_refused(name: str) -> None:
    assert with_headers("X-A: one").is_null(name) == -1


def test_the_name_of_a_header_may_be_a_variable(host: MessageHost) -> None:
    host.set_s("$var(n)", "x-custom")
    host.set_s("$var(bad)", "a b")
    host.set_s("$var(empty)", "")

    assert (host.get_s("$hdr($var(n))"), host.get_i("$hdrc($var(n))")) == ("one", 1)
    assert (host.is_null("$hdr($var(bad))"), host.get_i("$hdrc($var(bad))")) == (1, 0)
    assert (host.is_null("$hdr($var(empty))"), host.get_s("$hfl($var(empty))")) == (1, "0")
    assert (host.is_null("$hdr($vn(x))"), host.get_i("$hdrc($vn(x))")) == (-1, 0)


def test_a_header_is_not_written(host: MessageHost) -> None:
    assert (host.set_s("$hdr(X-Custom)", "v"), host.get_s("$hdr(X-Custom)")) == (0, "one")
