"""KEMI's functions of rr that take something, as a Kamailio 5.6.3 answered; the headers are in test_record_route.py."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import request

OWN = "<sip:127.0.0.1:5100;lr;ftag=t1;p=x>"


def test_the_direction_is_asked_by_its_name() -> None:
    host = request(OWN)
    host.ksr("rr.loose_route", [])

    answers = [host.ksr("rr.is_direction", [name]) for name in ("upstream", "UpStream", "downstream", "up", "")]

    assert answers == [1, 1, -1, -6, -6]


@pytest.mark.parametrize(
    ("pattern", "value"), [("^;lr", 1), ("P=X$", 1), ("q=", -1), ("(", -1), ("[[:alpha:]]=x", 1), ("", 1)]
)
def test_the_parameters_of_the_own_route_are_matched_with_an_expression(pattern: str, value: int) -> None:
    host = request(OWN)
    host.ksr("rr.loose_route", [])

    assert host.ksr("rr.check_route_param", [pattern]) == value


def test_without_an_own_route_no_parameter_is_there() -> None:
    assert request("<sip:r1.example.com;lr>").ksr("rr.check_route_param", ["lr"]) == -1


def test_an_own_request_uri_is_no_sign_of_a_strict_router_where_only_loose_ones_count() -> None:
    routes = ("<sip:r1.example.com;lr>", "<sip:bob@192.0.2.7>")
    any_, loose = (request(*routes, uri="sip:127.0.0.1:5100") for _ in range(2))

    assert (any_.ksr("rr.loose_route_mode", [0]), any_.get_s("$ru")) == (1, "sip:bob@192.0.2.7")
    assert (loose.ksr("rr.loose_route_mode", [1]), loose.get_s("$ru")) == (1, "sip:127.0.0.1:5100")
