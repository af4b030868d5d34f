"""Routes and the direction, as a Kamailio 5.6.3 on 127.0.0.1:5100 and :5101 answered for the same messages."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import ALT, MAIN, request

OWN, OTHER, STRICT = "<sip:127.0.0.1:5100;lr>", "<sip:r1.example.com;lr>", "<sip:s.example.com>"


def routes_left(host: MessageHost) -> list[str]:
    lines = host.message_bytes().decode().split("\r\n")
    return [line.removeprefix("Route: ") for line in lines if line.startswith("Route: ")]


@pytest.mark.parametrize(
    ("routes", "value", "destination", "left"),
    [
        ((OWN,), 1, None, []),
        (("<sip:203.0.113.5:5070;lr>",), 1, None, []),
        ((f"{OWN}, {OTHER}",), 1, "sip:r1.example.com;lr", [OTHER]),
        ((OWN, OTHER), 1, "sip:r1.example.com;lr", [OTHER]),
        ((OTHER,), 1, "sip:r1.example.com;lr", [OTHER]),
        ((OWN, "<sip:m.example.com:5070;maddr=192.0.2.9;lr>"), 1, "sip:192.0.2.9:5070", None),
        (("<sip:127.0.0.1:5100;r2=on;lr>, <sip:127.0.0.1:5101;r2=on;lr>", OTHER), 1, "sip:r1.example.com;lr", [OTHER]),
        (("sip:127.0.0.1:5100;lr",), -1, None, None),
        ((OWN, "<sip:>"), -1, None, ["<sip:>"]),
        ((), -1, None, []),
    ],
)
def test_the_route_behind_the_own_one_is_the_destination(
    routes: tuple[str, ...], value: int, destination: str | None, left: list[str] | None
) -> None:
    host = request(*routes)

    assert (host.modf("loose_route"), host.get_s("$du")) == (value, destination)
    assert left is None or routes_left(host) == left


def test_behind_the_only_route_a_header_that_cannot_be_parsed_is_met() -> None:
    data = request(OWN, to_tag="").message_bytes().removesuffix(b"\r\n") + b"no header\r\n\r\n"
    host = MessageHost(data, received_on=MAIN, environment=Environment((MAIN, ALT)))

    assert host.modf("loose_route") == -1


def test_a_strict_next_hop_swaps_places_with_the_request_uri() -> None:
    """RFC 3261, 16.6 step 6."""
    host = request(OWN, STRICT)

    assert (host.modf("loose_route"), host.get_s("$ru")) == (1, "sip:s.example.com")
    assert routes_left(host) == ["<sip:bob@example.com>"]


def test_a_strict_router_in_front_left_the_target_in_the_last_route() -> None:
    """RFC 3261, 16.4."""
    host = request(OTHER, "<sip:bob@192.0.2.7>", uri="sip:127.0.0.1:5100")

    assert (host.modf("loose_route"), host.get_s("$ru"), host.get_s("$du")) == (
        1,
        "sip:bob@192.0.2.7",
        "sip:r1.example.com;lr",
    )
    assert routes_left(host) == [OTHER]


def test_a_preloaded_own_route_has_a_value_of_its_own() -> None:
    assert request(OWN, to_tag="").modf("loose_route") == -3
    assert request(OWN, to_tag="").modf("loose_route_preloaded") == 1
    assert request(OWN).modf("loose_route_preloaded") == -1


def test_the_second_of_two_own_routes_chooses_the_socket() -> None:
    host = request("<sip:127.0.0.1:5100;r2=on;lr>, <sip:127.0.0.1:5101;r2=on;lr>")
    host.modf("loose_route")

    assert host.get_s("$fs") == "udp:127.0.0.1:5101"


def test_an_own_route_without_a_port_means_any_socket_of_that_address() -> None:
    host = request("<sip:127.0.0.1:5101;r2=on;lr>, <sip:127.0.0.1>", to_tag="")

    assert (host.modf("loose_route"), host.get_s("$fs")) == (-3, "udp:127.0.0.1:5100")


def test_a_second_loose_route_forgets_the_parameters_of_the_first() -> None:
    host = request(OTHER, uri="sip:127.0.0.1:5100;ftag=zz")

    assert (host.modf("loose_route"), host.get_s("$ru"), host.modf("loose_route")) == (1, "sip:r1.example.com;lr", 1)
    assert host.get_s("$rdir(name)") == "downstream"


def test_the_from_tag_of_the_route_tells_the_direction() -> None:
    upstream = request("<sip:127.0.0.1:5100;lr;ftag=t1>")
    downstream = request("<sip:127.0.0.1:5100;lr;ftag=a1>")

    assert (upstream.get_s("$rdir(name)"), downstream.get_s("$rdir(name)")) == ("upstream", "downstream")
    assert (upstream.get_s("$fti"), downstream.get_s("$fti")) == ("t1", "a1")


def test_an_initial_tag_needs_the_header_that_has_it_downstream_as_well() -> None:
    host = request("<sip:127.0.0.1:5100;lr;ftag=t1>")
    host.get_s("$rdir(id)")
    host.set_s("$fd", '"Q"')
    host.modf("msg_apply_changes")

    assert (host.get_s("$rdir(name)"), host.get_s("$fti"), host.get_s("$tti")) == ("upstream", None, None)


@pytest.mark.parametrize(
    ("record_route", "value"),
    [
        ("", 1),
        ("Record-Route: <sip:127.0.0.1:5100;lr>\r\n", 1),
        ("Record-Route: <sip:192.0.2.1:5060;lr>\r\n", -1),
        ("Record-Route: <sip:proxy.example.com;lr>\r\n", -1),
        ("Record-Route: <sip:127.0.0.1:5100;transport=tcp;lr>\r\n", -1),
    ],
)
def test_a_reply_is_at_its_first_hop_behind_the_own_record_route(record_route: str, value: int) -> None:
    head = f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5100\r\nVia: SIP/2.0/UDP 192.0.2.9\r\n{record_route}\r\n"
    host = MessageHost(head.encode(), received_on=MAIN, environment=Environment((MAIN, ALT)))

    assert host.modf("is_first_hop") == value


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        ("Record-Route: <sip:a@b>, <sip:c@d>\r\nRecord-Route: <sip:e@f>;x", "3"),
        ("Record-Route: <sip:a@b>\r\nRecord-Route: sip:e@f", None),
        ("Record-Route: <sip:a@b>\r\nno header", None),
        ("X: 1", "0"),
    ],
)
def test_the_addresses_of_a_replys_record_routes_are_counted(headers: str, count: str | None) -> None:
    vias = "Via: SIP/2.0/UDP 127.0.0.1:5100\r\nVia: SIP/2.0/UDP 192.0.2.9\r\n"
    ids = "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    host = MessageHost(f"SIP/2.0 200 OK\r\n{vias}{ids}{headers}\r\n\r\n".encode())

    assert host.get_s("$rpl(cntrr)") == count


def test_a_line_that_cannot_be_parsed_ends_the_search_for_a_second_route() -> None:
    good = request(OWN, OTHER)
    broken = [
        MessageHost(
            host.context.message.data[:-2] + b"no colon\r\n\r\n", received_on=MAIN, environment=Environment((MAIN, ALT))
        )
        for host in (request(OWN), good)
    ]

    assert [host.modf("loose_route") for host in broken] == [-1, 1]
    assert broken[1].get_s("$du") == "sip:r1.example.com;lr"


@pytest.mark.parametrize(
    ("params", "direction"),
    [
        ("lr;ftag=t1", "upstream"),
        ("ftag=t1;lr", "upstream"),
        ("ftag = t1 ;lr", "upstream"),
        ("ftag='a1\";lr", "downstream"),
        ("FTAG=t1;lr", "downstream"),
        ("ftag;ftag=t1", "downstream"),
        ("xftag=1;ftag=t1", "upstream"),
        ("x=';ftag=a1;';ftag=t2", "upstream"),
        ("ftag=;lr", "downstream"),
    ],
)
def test_the_from_tag_of_the_route_is_found_among_its_parameters(params: str, direction: str) -> None:
    assert request(f"<sip:127.0.0.1:5100;{params}>").get_s("$rdir(name)") == direction


@pytest.mark.parametrize(
    ("params", "is_loose"),
    [
        ("lr", True),
        (" LR =on", True),
        ("lrx", False),
        ("x;lr", True),
        ('x=";lr;"', False),
        (";lr", False),
        (";;lr", True),
        ("l;lr", False),
        ("l;;lr", True),
        ("transport=udp; lr ;x", True),
    ],
)
def test_a_route_is_loose_by_the_name_of_a_parameter(params: str, *, is_loose: bool) -> None:
    host = request(f"<sip:r1.example.com;{params}>")

    assert (host.modf("loose_route"), host.get_s("$du") is not None) == (1, is_loose)
