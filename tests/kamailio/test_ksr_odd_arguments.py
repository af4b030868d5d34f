"""
Every function of KSR that a script may call, with odd arguments, in a real Kamailio, which has to live.

``make test`` does this in one Kamailio with all modules that it installs, ``make test-ksr`` module by module for all
that Debian packages, on more kinds of requests. What ended a Kamailio got a guard (hosts/kamailio/ksr_guards.py) or is
refused (reviewed.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.modf_rig import REPLY, REQUESTS, Caller
from tests.kamailio.modules import STARTS, Start
from tests.kamailio.rig import KAMAILIO, MODULES
from tests.kamailio.routes import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_LONG = bool(os.environ.get("KSR_MODULE_BY_MODULE"))
pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed: make test installs it"),
    pytest.mark.timeout(1800 if IS_LONG else 120),  # thousands of sequences
]
ONE_BY_ONE = pytest.mark.skipif(not IS_LONG, reason="it takes minutes: make test-ksr")
SCRIPT = HERE / "calls_ksr.py"
INSTALLED = sorted(path.stem for path in MODULES.glob("*.so"))
STARTED = [module for module in INSTALLED if not STARTS.get(module, Start()).cannot]
# Of the modules of further packages some start processes that they do not announce: together they are too many.
DPKG = shutil.which("dpkg")
LISTED = subprocess.run([DPKG, "-L", "kamailio"], capture_output=True, text=True, check=False).stdout if DPKG else ""
OF_THE_SERVER = {Path(path).stem for path in LISTED.split() if path.endswith(".so")} or {*INSTALLED}
# What does not go together with others: fixed ports, other interpreters, and what waits for a server.
ALONE = ("seas", "app_lua_sr", "app_ruby", "app_sqlang", "app_jsdt", "app_mono", "db_")
TOGETHER = [
    module
    for module in STARTED
    if module in OF_THE_SERVER
    and not (STARTS.get(module, Start()).tcp or STARTS.get(module, Start()).hep or STARTS.get(module, Start()).is_slow)
    and not module.startswith(ALONE)
]
GROUPS = [TOGETHER[::2], TOGETHER[1::2]]  # app_python3 has room for 1,024 functions
REQUEST = "a request with a body"
SEQUENCES = 2000 if IS_LONG else 60
SETS = 1000 if IS_LONG else 60  # of some 300 at most; which they are is the same each time


def checked(caller: Caller, what: str, request: str, method: str) -> None:
    """One request; the file ``last`` tells what a Kamailio that did not live was asked last."""
    value = caller.call(what, request)

    last = caller.kamailio.directory / "last"
    assert value is not None, f"{method}, {what}: {last.read_text('ascii')}\n{caller.kamailio.log()[-2000:]}"


def functions(caller: Caller) -> list[str]:
    """What KSR has there and a script may call, but what is refused."""
    caller.names()
    rows = json.loads((caller.kamailio.directory / "exports.json").read_text("ascii"))
    return [name for _, name in rows]


@pytest.fixture(scope="module", params=GROUPS, ids=["the first half", "the second half"])
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    place = tmp_path_factory.mktemp("ksr")
    with Caller("pv", place, method="ksr", script=SCRIPT, beside=request.param, most_sets=SETS) as caller:
        yield caller


def test_kamailio_lives_through_odd_arguments_of_every_function(together: Caller) -> None:
    names = functions(together)

    assert len(names) > 600  # 440 are in each
    for name in names:
        checked(together, name, REQUEST, "odd arguments")


def test_the_run_sees_a_call_that_ends_kamailio(tmp_path: Path) -> None:
    with Caller("cfgutils", tmp_path, method="unguarded", script=SCRIPT) as caller:
        assert caller.call("cfgutils.rand_event", REQUEST) is not None

        assert caller.call("cfgutils.abort", REQUEST) is None


@pytest.mark.parametrize("beside", GROUPS, ids=["the first half", "the second half"])
def test_kamailio_lives_through_functions_in_any_order(beside: list[str], tmp_path: Path) -> None:
    with Caller("pv", tmp_path, method="sequence", script=SCRIPT, beside=beside) as caller:
        for seed in range(SEQUENCES):
            checked(caller, str(seed), tuple(REQUESTS)[seed % len(REQUESTS)], "sequence")


@pytest.mark.parametrize("beside", GROUPS, ids=["the first half", "the second half"])
def test_kamailio_lives_through_functions_in_any_order_on_replies(beside: list[str], tmp_path: Path) -> None:
    """A reply that was made something else could not be put back, and one time in thirty the server ended."""
    with Caller("pv", tmp_path, method="sequence", script=SCRIPT, beside=beside) as caller:
        for seed in range(SEQUENCES * 3):
            checked(caller, str(seed), REPLY, "sequence")


def test_what_edits_a_header_before_it_is_parsed_does_not_end_kamailio(tmp_path: Path) -> None:
    """After msg_apply_changes few headers are parsed; found among 12,000 sequences."""
    steps = tmp_path / "steps"
    calls = [("textopsx.msg_apply_changes", []), ("textops.replace_all", ["1", "/"])]
    steps.write_text(json.dumps([*calls, ("nathelper.fix_nated_sdp_ip", [2, "a"])]), "ascii")

    with Caller("pv", tmp_path, method="answers", script=SCRIPT, beside=("nathelper",)) as caller:
        checked(caller, str(steps), REQUEST, "answers")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("subst", ["/(.)(.*)//gs"]),
        ("subst", [",\n\r?\nv=,,"]),
        ("replace", ["\r\n\r\nv=", ""]),
        ("replace_all", ["\r\n\r\nv=", ""]),
        ("replace_str", ["\r\n\r\nv=", "", "f"]),
    ],
)
def test_a_replacement_across_the_end_of_the_headers_does_not_end_kamailio(
    tmp_path: Path, function: str, arguments: list[str]
) -> None:
    """With another edit of the body; what stays on one side is done."""
    steps = tmp_path / "steps"
    calls: list[tuple[str, list[str]]] = [
        ("textops.replace_body_all", ["a", "A" * 3000]),
        (f"textops.{function}", arguments),
        ("textops.subst", ["/X-Function: .*\r\n//"]),
        ("textops.replace", ["sendrecv", "inactive"]),
        ("textopsx.msg_apply_changes", []),
    ]
    steps.write_text(json.dumps(calls * 3), "ascii")

    with Caller("pv", tmp_path, method="answers", script=SCRIPT) as caller:
        checked(caller, str(steps), REQUEST, "answers")

    answers = json.loads((tmp_path / "steps.answers").read_text("ascii"))
    assert "begins in the headers and ends in the body" in answers[1]["refused"]
    assert answers[2:5] == [1, 1, 1]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("replace_all", ["a", "b"]),
        ("replace_body_all", ["a", "b"]),
        ("replace_body_atonce", ["a", "b"]),
        ("replace_body_str", ["a", "b", "a"]),
        ("replace_str", ["a", "b", "a"]),
        ("subst", ["/a/b/g"]),
        ("subst_body", ["/a/b/g"]),
    ],
)
def test_a_replacement_with_very_many_matches_does_not_hold_kamailio_up(
    tmp_path: Path, function: str, arguments: list[str]
) -> None:
    """Each takes longer than the one before it, up to seconds for all (core/data_lump.c, del_lump)."""
    answers = []
    with Caller("pv", tmp_path, method="answers", script=SCRIPT) as caller:
        for count in (4000, 50_000):
            steps = tmp_path / f"{count}"
            body = ("textops.set_body", ["a" * count, "text/plain"])
            calls = [body, ("textopsx.msg_apply_changes", []), (f"textops.{function}", arguments)]
            steps.write_text(json.dumps(calls), "ascii")
            checked(caller, str(steps), REQUEST, "answers")
            answers.append(json.loads(Path(f"{steps}.answers").read_text("ascii"))[-1])

    assert answers[0] == 1
    assert "more than 5000 matches" in answers[1]["refused"]


def test_a_reply_is_not_sent_to_the_server_itself(tmp_path: Path) -> None:
    """With a Via of the server, and built again, it came back without end; found among 12,000 sequences."""
    calls = [("forward_uri", ["sip:a@127.0.0.1:9"]), ("textopsx.msg_apply_changes", [])]
    first, second = tmp_path / "first", tmp_path / "second"
    for steps in (first, second):
        steps.write_text(json.dumps(calls), "ascii")

    with Caller("pv", tmp_path, method="answers", script=SCRIPT) as caller:
        checked(caller, str(first), REPLY, "answers")
        checked(caller, str(second), REPLY, "answers")  # and not the first once more

    assert "sends it on by its Via" in first.with_suffix(".answers").read_text("ascii")


@ONE_BY_ONE
@pytest.mark.parametrize("module", STARTED)
def test_kamailio_lives_through_odd_arguments_of_each_module(module: str, tmp_path: Path) -> None:
    with Caller(module, tmp_path, method="ksr", script=SCRIPT) as caller:
        own = [name for name in functions(caller) if module == "pv" or not is_everywhere(name)]
        for name in own:
            for request in caller.requests:
                checked(caller, name, request, "odd arguments")


def is_everywhere(name: str) -> bool:
    """Whether a function is in every Kamailio of these tests, by its module."""
    module = name.rpartition(".")[0]
    return module in {
        "",
        "hdr",
        "pv",
        "pvx",
        "rr",
        "siputils",
        "sl",
        "textops",
        "textopsx",
        "tm",
        "tmx",
        "xlog",
        "maxfwd",
    }
