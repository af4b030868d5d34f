"""``ModF`` on tables of a Kamailio that lie in this process's own memory: what is called, and what is not.

tests/kamailio/test_modf_exports.py calls the functions of a real one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runner.hosts.kamailio import functions
from runner.hosts.kamailio.exports import Exports
from tests.hosts.kamailio.tables import REQUEST_ROUTE, Memory, row

if TYPE_CHECKING:
    from collections.abc import Callable


class Message:
    """The message object of app_python3, which writes down what is called through it."""

    def __init__(self, kind: str = "SIP_REQUEST", value: int = 1) -> None:
        self.Type = kind
        self.called: list[str] = []
        self._value = value

    def call_function(self, name: str) -> int:
        self.called.append(name)
        return self._value


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Loads modules into the Kamailio that is asked."""
    kept = []  # the tables are read where they lie

    def load(**modules: Any) -> None:
        kept.append(memory := Memory(**modules))
        monkeypatch.setattr(functions, "_known", Exports(memory.server()))
        monkeypatch.setattr(functions, "_converted", None)

    return load


def ksr(content_type: object = "a/b", length: int = 1, number: int = 7, **modules: Any) -> Any:
    """Kamailio's KSR with one message."""
    values = {"$hdr(Content-Type)": content_type, "$(rb{s.len})": length, "$mi": number}
    return SimpleNamespace(pv=SimpleNamespace(get=values.get), **modules)


def test_outside_kamailio_nothing_is_run() -> None:
    with pytest.raises(functions.CannotRun, match="ModF is off: this program is not a Kamailio"):
        functions.run("has_totag", None, None)


@pytest.mark.parametrize("value", [1, -1, 0, 7])
def test_a_function_without_parameters_is_called_and_its_value_is_the_value(
    loaded: Callable[..., None], value: int
) -> None:
    loaded(m=[row("f", 1), row("g", 2)])
    message = Message(value=value)

    assert functions.run("g", message, ksr()) == value
    assert message.called == ["g"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "no loaded module has such a function without parameters"),
        ("with", "no loaded module has such a function without parameters"),
        ("both", "it takes parameters too, and cannot be called safely without them"),
        ("fixed", "it has a fixup that cannot be freed"),
        ("bind_m", "it is for other modules"),
    ],
)
def test_what_cannot_be_called_safely_is_refused_with_the_reason(
    loaded: Callable[..., None], name: str, reason: str
) -> None:
    loaded(
        m=[row("with", 1, 1), row("both", 2), row("both", 2, 1), row("fixed", 3, fixup=1), row("bind_m", 4)],
    )
    message = Message()

    with pytest.raises(functions.CannotRun) as refused:
        functions.run(name, message, ksr())

    assert str(refused.value) == functions.why_not(name) == reason
    assert message.called == []


@pytest.mark.parametrize(("said", "value"), [(True, 1), (False, -1), (1, 1), (-3, -3), (0, 0)])
def test_one_with_parameters_that_kemi_calls_without_them_is_called_so(
    loaded: Callable[..., None], said: object, value: int
) -> None:
    """Kamailio 6 says True and False for 1 and -1."""
    loaded(tm=[row("t_relay_to", 1), row("t_relay_to", 1, 1)])
    message, got = Message(), []

    def t_relay_to_flags(*arguments: object) -> object:
        got.append(arguments)
        return said

    found = functions.run("t_relay_to", message, ksr(tm=SimpleNamespace(t_relay_to_flags=t_relay_to_flags)))

    assert (found, got, message.called) == (value, [(0,)], [])
    assert functions.why_not("t_relay_to") is None


@pytest.mark.parametrize(
    ("tm", "reason"),
    [
        (SimpleNamespace(), r"KSR\.tm\.t_relay_to_flags is not available"),
        (None, r"KSR\.tm\.t_relay_to_flags is not available"),
        (SimpleNamespace(t_relay_to_flags=lambda: 1), "takes 0 positional arguments but 1 was given"),
    ],
)
def test_a_kemi_without_that_method_or_with_another_one_is_refused(
    loaded: Callable[..., None], tm: object, reason: str
) -> None:
    loaded(tm=[row("t_relay_to", 1), row("t_relay_to", 1, 1)])

    with pytest.raises(functions.CannotRun, match=reason):
        functions.run("t_relay_to", Message(), ksr(tm=tm))


def test_a_function_of_that_name_in_another_module_is_another_function(loaded: Callable[..., None]) -> None:
    loaded(other=[row("t_relay_to", 1), row("t_relay_to", 1, 1)])

    assert functions.why_not("t_relay_to") == "it takes parameters too, and cannot be called safely without them"


@pytest.mark.parametrize(
    ("module", "name", "routes", "runs"),
    [
        ("m", "f", REQUEST_ROUTE, False),
        ("m", "f", REQUEST_ROUTE | 1 << 2, True),
        ("rr", "loose_route", REQUEST_ROUTE, True),
        ("m", "loose_route", REQUEST_ROUTE, False),
        ("tmx", "t_suspend", REQUEST_ROUTE | 1 << 2, False),
    ],
)
def test_on_a_reply_a_function_for_requests_runs_only_where_that_is_known_to_be_safe(
    loaded: Callable[..., None], module: str, name: str, routes: int, *, runs: bool
) -> None:
    loaded(**{module: [row(name, 1, routes=routes)]})
    request, reply = Message(), Message("SIP_REPLY")

    assert functions.run(name, request, ksr()) == 1
    if runs:
        assert functions.run(name, reply, ksr()) == 1
    else:
        with pytest.raises(functions.CannotRun, match="it is for requests, and this message is a reply"):
            functions.run(name, reply, ksr())
    assert reply.called == [name] * runs


def test_without_a_message_object_and_where_kamailio_refuses_the_reason_is_told(loaded: Callable[..., None]) -> None:
    loaded(m=[row("f", 1)])

    def refuse(_: str) -> int:
        raise RuntimeError("not here")

    with pytest.raises(functions.CannotRun, match="this Kamailio gives its script no message object"):
        functions.run("f", None, ksr())
    with pytest.raises(functions.CannotRun, match="not here"):
        functions.run("f", SimpleNamespace(Type="SIP_REQUEST", call_function=refuse), ksr())


MULTIPART = {"textops": [row("set_body_multipart", 1)], "textopsx": [row("msg_apply_changes", 2)]}


@pytest.mark.parametrize(
    ("value", "content_type", "length"),
    [(-1, "a/b", 1), (1, "multipart/mixed", 1), (1, "Multipart/Mixed ; boundary=x", 1), (1, "a/b", 0), (1, None, 0)],
)
def test_a_message_that_does_not_become_multipart_is_built_as_ever(
    loaded: Callable[..., None], value: int, content_type: str | None, length: int
) -> None:
    loaded(**MULTIPART)
    kamailio = ksr(content_type, length)

    assert functions.run("set_body_multipart", Message(value=value), kamailio) == value
    assert functions.run("msg_apply_changes", Message(), kamailio) == 1


@pytest.mark.parametrize("content_type", [None, "a/b;c=d", "multipart/mixed;a=b,c", 3])
def test_a_type_in_which_kamailio_would_look_for_a_boundary_in_vain_is_refused(
    loaded: Callable[..., None], content_type: object
) -> None:
    loaded(**MULTIPART)
    message = Message()

    with pytest.raises(functions.CannotRun, match="its Content-Type is missing, or has parameters"):
        functions.run("set_body_multipart", message, ksr(content_type))
    assert message.called == []


def test_a_type_that_is_not_utf_8_is_refused(loaded: Callable[..., None]) -> None:
    loaded(**MULTIPART)

    def get(name: str) -> object:
        return b"\xff".decode() if name.startswith("$hdr") else 1

    with pytest.raises(functions.CannotRun, match="its Content-Type is not UTF-8"):
        functions.run("set_body_multipart", Message(), SimpleNamespace(pv=SimpleNamespace(get=get)))


def test_tables_that_cannot_be_read_are_read_once_and_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_known", None)
    reasons = set()
    for _ in range(2):
        with pytest.raises(functions.CannotRun) as refused:
            functions.why_not("f")
        reasons.add(str(refused.value))

    assert reasons == {functions._known}


def test_where_it_cannot_be_found_out_tcp_is_taken_for_off() -> None:
    assert functions.is_tcp_off()  # this program is no Kamailio
