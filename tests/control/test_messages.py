"""control.messages: each says exactly what is wrong with a line, and reads what it wrote."""

from __future__ import annotations

import contextlib
import inspect
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.control import messages, status
from runner.control.connection import MAX_LINE_BYTES, PROTOCOL
from runner.control.kinds import MAX_COUNT, MAX_NAMES, MAX_TEXT, SHOWN, Malformed
from runner.control.messages import HandOver, HelloRequest, LeaseAnswer, LeaseRequest, Message, Release, Report, Retire
from runner.errors import ConfigError
from runner.scripts.generation import Generation, Helper, Part
from runner.scripts.poison import LONGEST_CALL_ID
from runner.scripts.stamps import Stamp, Stamps
from runner.wire.session import State
from runner.wire.unfinished import Unfinished

REPORT: dict[str, Any] = {"lease": "1e", "execs": 1, "loads": 2, "bound": {"H": "aa"}, "loaded": {"/x.exe": "6f"}}
GENERATION = Generation.of(
    "/x.exe", Part("/x.exe", "aa"), None, Part("/x.exe.config", "bb"), {"H": Helper(Part("/H.dll", "cc")), "Gone": None}
)
WORKER = messages.Worker(
    lease="1e", pid=7, is_local=True, execs=1, loads=2, bound={"H": "cc"}, ran={}, loaded=(GENERATION,), keep=True,
    fresh=False, max_execs=None, max_loads=5, max_line_bytes=4096, is_placed=True,
)  # fmt: skip
UNFINISHED = Unfinished(State.RUNNING, 3, 0, "{", "")
KINDS = [
    kind
    for kind in [*vars(messages).values(), status.Status]
    if inspect.isclass(kind) and issubclass(kind, Message) and kind is not Message
]
SAID: list[Message] = [
    Report.read(REPORT),
    Release.read(REPORT),
    HelloRequest(protocol=PROTOCOL, have=Report.read(REPORT)),
    messages.HelloAnswer(refused=(("/x.exe", "a@b", 2.5),)),
    LeaseRequest(path=None, have=None, wait_s=0.5, needs=messages.Needs(generation="6f", names=("H",))),
    LeaseRequest(path="/x", have=None, rejected=messages.Rejected(generation="6f", message="no", detail="")),
    LeaseAnswer(
        generation=GENERATION,
        stamps=Stamps({"/x.exe": Stamp(1, 2, 3, 4, 5), "/H.exe": None}, links={}),
        worker=WORKER,
        keep=False,
        is_ours=True,
        entries=("branch", "route"),
    ),
    messages.Loaded(generation="6f", entries=("route",)),
    messages.FindAnswer(helper=Helper(Part("/P.dll", "dd"), Part("/P.pdb", "ee"))),
    messages.Ran(lease="1e", generation="6f", has_run=False),
    Retire(lease="1e", reason="stuck", call_id=None, is_stuck=True, taken_by="6f"),
    HandOver(**vars(Report.read(REPORT)), reason="late", call_id="a", generation="6f", unfinished=UNFINISHED),
    messages.Swap(lease="1e", reason="reset"),
]


@pytest.mark.parametrize("message", SAID, ids=lambda message: type(message).__name__)
def test_a_message_reads_what_it_wrote(message: Message) -> None:
    line = json.dumps(message.as_json())

    assert json.dumps(type(message).read(json.loads(line)).as_json()) == line


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        (Report, {"execs": -1}, f"execs: expected a whole number from 0 to {MAX_COUNT}, got -1"),
        (Report, {"execs": True}, f"execs: expected a whole number from 0 to {MAX_COUNT}, got True"),
        (Report, {"lease": 'x"y'}, "lease: expected an id of at most 64 letters and digits, got 'x\"y'"),
        (Report, {"bound": {"H": 7}}, f"bound: expected a text of at most {MAX_TEXT} characters, got 7"),
        (Report, {"bound": dict.fromkeys(map(str, range(MAX_NAMES + 1)), "x")}, "bound: expected an object of at most"),
        (LeaseRequest, {}, f"path: expected a text of at most {MAX_TEXT} characters, got nothing"),
        (LeaseRequest, {"path": None, "have": REPORT | {"loads": 0.5}}, "have.loads: expected a whole number from 0"),
        (LeaseRequest, {"path": None, "have": None, "wait_s": float("inf")}, "wait_s: expected seconds from 0 to"),
        (LeaseRequest, {"path": None, "have": None, "wait_s": float("nan")}, "wait_s: expected seconds from 0 to"),
        (Retire, {"lease": "1e", "reason": "x", "call_id": 7}, "call_id: expected a text, got 7"),
    ],
)
def test_what_is_wrong_is_said_with_the_member_what_was_expected_and_what_came(
    kind: type[Message], wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(Malformed) as caught:
        kind.read({**(REPORT if kind is Report else {}), **wrong})

    assert str(caught.value).startswith(told)


def test_of_a_wrong_value_only_the_beginning_is_shown_however_large_or_deep_it_is() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    for value in (deep, "x" * MAX_LINE_BYTES, list(range(100_000)), {"x" * 1000: deep}):
        with pytest.raises(Malformed) as caught:
            Report.read(REPORT | {"execs": value})
        assert len(str(caught.value)) <= len(f"execs: expected a whole number from 0 to {MAX_COUNT}, got ") + SHOWN


def test_members_that_only_a_later_version_knows_are_ignored() -> None:
    assert Report.read(REPORT | {"later": 1}) == Report.read(REPORT)


@pytest.mark.parametrize("protocol", [PROTOCOL - 1, PROTOCOL + 1, None, "x" * 1000])
def test_a_client_of_another_version_is_told_so_whatever_else_it_says(protocol: object) -> None:
    with pytest.raises(ConfigError, match=f"this daemon speaks control protocol {PROTOCOL}, the client "):
        HelloRequest.read({"protocol": protocol, "have": {"pid": 4312, "worn": ""}})


def test_of_a_reason_and_of_a_call_id_only_so_much_counts() -> None:
    read = Retire.read(
        {"lease": "1", "reason": "x" * 99_999, "call_id": "y" * 999, "is_stuck": False, "taken_by": None}
    )

    assert (len(read.reason), read.call_id) == (MAX_TEXT, "y" * LONGEST_CALL_ID)


def test_every_request_and_notice_has_a_method_of_its_own() -> None:
    methods = [kind.method for kind in KINDS if kind.method]

    assert sorted(methods) == sorted(
        [
            "hello",
            "lease",
            "find",
            "status",
            "reload",
            "reset",
            "drain",
            "stop",
            "loaded",
            "ran",
            "report",
            "release",
            "retire",
            "unfinished",
            "refuse",
            "swap",
        ]
    )


NAMES = sorted({name for kind in KINDS for name in kind._kinds})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("1e"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(value=VALUES)
@settings(max_examples=30)  # `make fuzz` has the long run
def test_whatever_a_line_has_is_a_message_or_one_error(kind: type[Message], value: object) -> None:
    with contextlib.suppress(Malformed, ConfigError):
        kind.read(value).as_json()
