"""Names that Kamailio must not be asked for; tests/kamailio/test_odd_arguments.py asks a real one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from runner.hosts.kamailio import guards
from runner.hosts.kamailio.guards import Refused
from runner.hosts.kamailio.host import KamailioHost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONG = "a" * 64_990
BOTH = ("$hdr(Contact)", "$msg(hdrc)")


def asked(name: str, values: Mapping[str, str] | None = None, *, is_tcp_off: bool = False, unread: str = "") -> str:
    """
    What a Kamailio with these values is asked for instead of ``name``.

    Args:
        name: The variable.
        values: What it has a value for.
        is_tcp_off: It has no TCP.
        unread: A name that it is not asked for.
    """
    known = values or {}
    return guards.asked(
        name, known.get, lambda *_: 0, lambda name: name not in known and name != unread, lambda: is_tcp_off
    )


@pytest.mark.parametrize(
    "name",
    [
        "$(shvinc(n){s.decode.base58})",
        "$(shtinc(t=>n){s.len}{s.replace,a,b})",
        "$(shtinc(t=>$var(x)){s.stripto,7}{s.int})",
        "$(shtdec(t=>n){s.rm,1})",
        "$(shvinc(n){s.fmtlines,4,1}{s.rm,x})",
    ],
)
def test_a_counter_is_asked_once_whatever_its_transformations_need(name: str) -> None:
    asked: list[str] = []
    written: list[tuple[str, int]] = []

    def get(name: str) -> object:
        asked.append(name)
        return 7 if name.startswith("$(sh") else "7"

    def seti(name: str, value: int) -> bool:
        written.append((name, value))
        return True

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=get, seti=seti), hdr=None))

    assert host.get_s(name) == "7"
    assert [name for name in asked if name.startswith("$(sh")] == [f"{name.partition('{')[0]})"]
    assert written[-1] == ("$var(app_mono_counted)", 7)


def test_a_guard_does_not_look_at_an_address_whose_second_look_gives_another_value() -> None:
    asked: list[str] = []

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=asked.append), hdr=None))

    assert host.get_s("$(ai{s.corehash})") is None
    assert [name for name in asked if "ai" in name] == ["$(ai{s.corehash})"]


@pytest.mark.parametrize("name", ["$ru", "$(ru{s.len})", "$hdr(Via)", "$avp(x)", "$(hdr(X){s.rm})x", "$shv(n)"])
def test_most_names_are_known_to_be_harmless(name: str) -> None:
    assert (guards.RISKY.search(name) is None) is ("{s.rm" not in name)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("$ctu", {"$msg(hdrc)": "1"}, "the message has no Contact"),
        ("$(cts{s.len})", {"$msg(hdrc)": "1"}, "the message has no Contact"),
        ("$pcv(value)", {}, None),
        ("$pcv(value)", {"$hdr(P-Charging-Vector)": "a"}, "does not fit into a buffer"),
        ("$pcv(all)", {"$(hdr(P-Charging-Vector)[*])": "a" * 237, "$hdr(P-Charging-Vector)": "a"}, "does not fit"),
        ("$pcv(all)", {"$(hdr(P-Charging-Vector)[*])": "a" * 236, "$hdr(P-Charging-Vector)": "a"}, None),
        ("$natsData", {}, "it is for the events of its module"),
        ("$mqtt(msg)", {}, "it is for the events of its module"),
        ("$hfitname(i)", {}, "a message that is gone"),
        ("$(hfitbody(i){s.len})", {}, "a message that is gone"),
        ("$blitval(i)", {}, "a message that is gone"),
        ("$avp($sdpitval(i))", {}, "a message that is gone"),
        ("$smsbody", {}, "it reads variables that may not be set"),
        ("$sel(msg.header)", {}, "the headers of the message do not parse"),
        ("$sel(msg.header)", {"$msg(body)": ""}, None),
        ("$ctu", dict.fromkeys(BOTH, "x"), None),
        ("$ctu", {}, None),
    ],
)
def test_what_is_not_there_is_not_asked_for(name: str, values: dict[str, str], reason: str | None) -> None:
    assert guards.RISKY.search(name)

    if reason is None:
        assert asked(name, values) == name
    else:
        with pytest.raises(Refused, match=reason):
            asked(name, values)


@pytest.mark.parametrize("name", ["$conid", "$(conid)", "$tcp(conid)", "$avp($conid)"])
def test_a_connection_is_asked_for_only_where_there_is_tcp(name: str) -> None:
    assert asked(name) == name
    with pytest.raises(Refused, match="TCP is off"):
        asked(name, is_tcp_off=True)


# What is read of $var(x), the transformation, and whether it is safe for that.
@pytest.mark.parametrize(
    ("value", "link", "is_safe"),
    [
        ("a/b/", "s.rbefore,/", True), ("a/b", "s.rbefore,/", False), ("", "s.rbefore,/", False),
        ("a1", "s.rbefore,1", True), ("11", "s.rbefore,1", False), ("a3", "s.rbefore,$(rU{s.len})", False),
        ("a/b", "s.rm,/", True), ("a/b", "s.rm,", True), ("a}b", "s.rm,", False),
        ("a/b", "s.replace,/,-", True), (LONG, "s.replace,a,bb", False), (LONG, "s.replace,b,cc", True),
        ("a,b", "s.replace,,x", False), ("ab", "s.replace,,x", True), ("ab", "s.replace,x", False),
        ("ab", "s.fmtlines,5,1", True), (LONG, "s.fmtlines,60000,1", False), ("ab", "s.fmtlines,a,1", False),
        ("ab", "s.fmtlinet,0,1", True), ("ab", "s.fmtlinet,-3,1", True),
        ("a" * 48_000, "s.encode.base58", True), ("a" * 48_001, "s.encode.base58", False),
        ("1" * 8192, "s.decode.base58", True), ("1" * 8193, "s.decode.base58", False),
        ("a" * 65_535, "s.decode.base58", True), ("a" * 65_536, "s.decode.base58", False),
        ("a", "s.rafter,$du", True), ("a" * 65_535, "s.rafter,/", False),
    ],
)  # fmt: skip
def test_a_transformation_is_asked_for_where_it_is_safe_for_the_value(value: str, link: str, *, is_safe: bool) -> None:
    name = f"$(var(x){{{link}}})"
    assert guards.RISKY.search(name)

    if is_safe:
        assert asked(name, {"$(var(x))": value, "$(rU{s.len})": "3"}) == name
    else:
        with pytest.raises(Refused):
            asked(name, {"$(var(x))": value, "$(rU{s.len})": "3"})


def test_rafter_is_replaced_by_what_leaves_nothing_as_well() -> None:
    values = {"$(var(x))": "a/b", "$(var(x){s.strip,65536})": ""}

    assert asked("$(var(x){s.rafter,/}{s.len})", values) == "$(var(x){s.strip,65536}{s.len})"
    with pytest.raises(Refused, match="not written plainly"):
        asked("$(var(x){ s.rafter,/})", values)


def test_nothing_is_transformed_where_there_is_no_value() -> None:
    assert asked("$(var(x){s.rafter,/}{s.rm,})") == "$(var(x){s.rafter,/}{s.rm,})"
    with pytest.raises(Refused, match="not safe for this value"):
        asked("$(var(x){s.rm,/})", unread="$(var(x))")


def test_the_value_behind_a_chain_is_what_the_chain_gives() -> None:
    values = {"$(var(x))": LONG, "$(var(x){s.len})": "64990", "$(var(x){s.len}{s.tolower})": "64990"}

    assert asked("$(var(x){s.len}{s.tolower}{s.replace,0,oo})", values)
    with pytest.raises(Refused, match=r"\{s\.replace\} is not safe for this value"):
        asked("$(var(x){s.replace,a,oo}{s.len})", values)


def test_a_parameter_that_is_a_variable_is_read_and_refused_where_it_was_not() -> None:
    name = "$(var(x){s.replace,$rU,$rd})"
    values = {"$(var(x))": "aaa", "$rU": "a", "$rd": "b"}

    assert asked(name, values) == name
    with pytest.raises(Refused, match="not safe"):
        asked(name, values | {"$rd": LONG})
    with pytest.raises(Refused, match="was not read"):
        asked(name, {key: values[key] for key in ("$(var(x))", "$rU")}, unread="$rd")


@pytest.mark.parametrize("link", ["s.corehash", "S.Corehash,8", "s.select,-1,;", "s.decode.base64url"])
def test_a_text_is_not_taken_of_a_parameter_that_has_none(link: str) -> None:
    """Its text is missing, which is not an empty one: Kamailio follows its NULL."""
    name, parameter = f"$(hdr(X){{param.value,b}}{{{link}}})", "$(hdr(X){param.value,b})"

    assert asked(name, {parameter: "1"}) == name
    assert asked(name, {parameter: "", "$(hdr(X){param.value,b}{s.urlencode.param})": ""}) == name
    with pytest.raises(Refused, match="not safe for what is missing"):
        asked(name, {parameter: ""})


def test_a_counter_whose_transformations_do_not_parse_is_not_counted() -> None:
    asked: list[str] = []

    def read(name: str) -> None:
        asked.append(name)

    name = "$(shvinc(n){s.select,-1,$(rU)})"

    assert guards.asked(name, read, lambda name, _: -1 if "{" in name else 0, lambda _: False, lambda: False) == name
    assert [one for one in asked if "shvinc" in one] == []


@pytest.mark.parametrize(("number", "result"), [("2147483647", 0), ("2147483648", 0), ("7", -1)])
def test_a_counter_whose_number_cannot_be_kept_is_not_counted_again(number: str, result: int) -> None:
    written = []

    def write(name: str, value: int) -> int:
        written.append((name, value))
        return 0 if "{" in name else result

    def ask() -> str:
        return guards.asked(
            "$(shvinc(n){s.rm,1})", {"$(shvinc(n))": number, "$(var(app_mono_counted))": number}.get, write,
            lambda _: False, lambda: False,
        )  # fmt: skip

    if number == "2147483647":
        assert ask() == "$(var(app_mono_counted){s.rm,1})"
        assert written[-1] == ("$var(app_mono_counted)", 2147483647)
    else:
        with pytest.raises(Refused, match="the counter has too large a number"):
            ask()


@pytest.mark.parametrize(
    ("name", "checked"),
    [
        ("$var(x)", None), ("$(var(x){s.rm,})", None), ("$conid", None), ("$avp($conid)", "$avp($conid)"),
        ("$(avp($(x{s.rm,})){s.len})", "$(avp($(x{s.rm,})))"), ("$mqtt(msg)", "$mqtt(msg)"),
    ],
)  # fmt: skip
def test_of_a_name_that_is_written_only_names_in_it_are_evaluated(name: str, checked: str | None) -> None:
    assert guards.evaluated_in_a_write(name) == checked


URI = "sip:bob@example.com"
REST = len(URI) - len("bob")


@pytest.mark.parametrize(
    ("name", "value", "is_unsafe"),
    [
        ("$rU", "a" * (1024 - REST), True),
        ("$(rU)", "a" * (1024 - REST), True),
        ("$rU", "a" * (1024 - REST - 15), True),  # a separator may come, or a password go
        ("$rU", "a" * (1024 - REST - 100), False),
        ("$rU", "a" * (1024 - REST + 100), False),
        ("$rU", "é" * ((1024 - REST) // 2), True),
        ("$rU", "alice", False),
        ("$var(x)", "a" * (1024 - REST), False),
        ("$ru", "a" * 1024, False),
    ],
)
def test_a_uri_that_would_be_as_long_as_its_buffer_is_told(name: str, value: str, *, is_unsafe: bool) -> None:
    read: Callable[[str], str | None] = {"$rU": "bob", "$(rU)": "bob"}.get

    assert guards.makes_an_unsafe_uri(name, value, URI, read) is is_unsafe
    assert not guards.makes_an_unsafe_uri(name, value, None, read)
