"""Values that travel with an exec and edits that need no answer: learned, bounded, and never seen by a script."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import SOURCES, compile_script
from runner.errors import HostFault
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.compilers.fetched import compilers
from tests.places import INVITE, ROOT, SHELF
from tests.programs import WAIT_S
from tests.scripts.test_plans import learned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.scripts.foresight import Foresight

__all__ = ["compilers"]

PLAYER = ROOT / "tests" / "kamailio" / "scripts" / "PlaysSteps.cs"
PLAYERS = {"mono": PLAYER} | {
    folder: path for folder in ("python", "node", "java") for path in (SHELF / folder).glob("PlaysSteps.*")
}
EXAMPLES = ROOT / "examples"
REGISTER = (EXAMPLES / "messages" / "register.sip").read_bytes()
REPLY = INVITE.replace(b"INVITE sip:bob@example.com SIP/2.0", b"SIP/2.0 180 Ringing")
TEL = INVITE.replace(b"sip:bob@example.com SIP/2.0", b"tel:+123 SIP/2.0")
NO_URI = INVITE.replace(b"sip:bob@example.com SIP/2.0", b"nonsense SIP/2.0")
BROKEN = INVITE.replace(b"Max-Forwards", b"Max Forwards")
MESSAGES = {"invite": INVITE, "register": REGISTER, "reply": REPLY, "tel": TEL, "nouri": NO_URI, "broken": BROKEN}

Step = tuple[str, ...]
READS = ["$ru", "$rU", "$ci", "$fU", "$rm", "$si", "$hdr(To)", "$hdr(X)", "$var(a)", "$avp(b)", "$du", "$rs", "$Ts"]
READS += ["$(hdr(Via)[0])", "$nothing", "$(ru{s.len})", "$var($rU)", "$mb"]
TEXTS = [
    "alice",
    "7",
    "bob",
    "",
    "a@b",
    "+49-30",
    "x y",
    "žluť",
    "\udce9",
    "\ud800",
    "a\0b",
    "sip:carol@example.org;lr",
    "w" * 300,
    "w" * 9000,
]
STALE: list[list[Step]] = [
    [("PV.GetS", "$ru"), ("PV.SetS", "$rU", "alice"), ("PV.GetS", "$ru"), ("PV.GetS", "$rU"), ("PV.IsNull", "$rU")],
    [("PV.GetI", "$var(a)"), ("PV.SetI", "$var(a)", "7"), ("PV.GetS", "$var(a)"), ("PV.GetI", "$var(a)")],
    [("PV.IsNull", "$avp(b)"), ("PV.SetS", "$avp(b)", "x"), ("PV.IsNull", "$avp(b)"), ("PV.GetS", "$avp(b)")],
    [("PV.GetS", "$ru"), ("PV.GetS", "$rU"), ("PV.SetS", "$rU", "a@b"), ("PV.GetS", "$ru"), ("PV.GetS", "$rU")],
    [("PV.SetS", "$var(a)", "1"), ("PV.GetS", "$var(a)"), ("PV.Unset", "$var(a)"), ("PV.GetS", "$var(a)")],
    [("PV.SetS", "$avp(b)", "x"), ("PV.Unset", "$avp(b)"), ("PV.IsNull", "$avp(b)"), ("PV.GetS", "$avp(b)")],
    [("HDR.Append", "X: 1\r\n"), ("PV.GetS", "$hdr(X)"), ("HDR.Remove", "To"), ("PV.GetS", "$hdr(To)")],
    [("PV.GetS", "$rU"), ("PV.SetS", "$rU", "bob"), ("Core.ModF", "msg_apply_changes"), ("PV.GetS", "$rU")],
]
"""Values that an edit makes stale: one that is certain, one that may fail, and what may change anything."""
HEADERS = ["X: 1\r\n", "", "X", "Y: žluť\r\n", "Z: a\0b\r\n"]


class Blind:
    """A host that says nothing of what it will answer."""

    def __init__(self, host: MessageHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name in {"depends_on", "changes", "is_always_certain", "is_certain"}:
            raise AttributeError(name)
        return getattr(self._host, name)


class Recording:
    """A host that notes which of its methods are called."""

    def __init__(self, host: MessageHost) -> None:
        self.host = host
        self.called: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.host, name)
        if not callable(found):
            return found

        def noted(*args: Any) -> Any:
            self.called.append((name, *args))
            return found(*args)

        return noted


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    settings = Settings(spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, observer="none")
    with Runner(settings) as running:
        yield running


def word(text: str) -> str:
    return "." + text.encode("utf-16-be", "surrogatepass").hex()


def drawn(numbers: random.Random) -> list[Step]:
    """A script's calls, of every kind, with what is good and what is not."""
    steps: list[Step] = []
    for _ in range(numbers.randint(1, 12)):
        kind = numbers.choice(["read"] * 6 + ["text"] * 3 + ["number", "unset", "header", "header", "modf", "log"])
        name = numbers.choice(READS)
        match kind:
            case "read":
                steps.append((numbers.choice(["PV.GetS", "PV.GetS", "PV.GetI", "PV.IsNull"]), name))
            case "text":
                steps.append(
                    ("PV.SetS", numbers.choice(["$rU", "$rU", "$var(a)", "$avp(b)", name]), numbers.choice(TEXTS))
                )
                steps.append(("PV.GetS", numbers.choice(["$ru", "$rU", "$var(a)", "$avp(b)", name])))
            case "number":
                steps.append(
                    ("PV.SetI", numbers.choice(["$var(a)", "$avp(b)", "$rU"]), str(numbers.choice([0, -1, 7])))
                )
            case "unset":
                steps.append(("PV.Unset", numbers.choice(["$var(a)", "$avp(b)", "$du", "$rU"])))
            case "header":
                call = numbers.choice(["HDR.Append", "HDR.Insert", "HDR.AppendToReply", "HDR.Remove"])
                text = numbers.choice(["X", "Via", "To", "", "no name"] if call == "HDR.Remove" else HEADERS)
                steps.append((call, text))
            case "modf":
                steps.append(("Core.ModF", numbers.choice(["msg_apply_changes", "has_totag", "nothing"])))
            case "log":
                steps.append(("Core.Log", "1", f"line {len(steps)}"))
    return steps


def runnable(source: Path) -> Path:
    """What the runner is given for a source."""
    return compile_script(source) if source.suffix in SOURCES else source


def played(
    runner: Runner, steps: list[Step], message: bytes, place: Path, *, blind: bool = False, player: Path = PLAYER
) -> list[Any]:
    """Everything that can be seen of one exec: each call's result, the log, the message, the reply headers."""
    place.write_text("".join(" ".join([call, *map(word, args)]) + "\n" for call, *args in steps), "ascii")
    answers = Path(f"{place}.answers")
    answers.unlink(missing_ok=True)
    host = MessageHost(message)
    given: Any = Blind(host) if blind else host
    result = runner.mono_exec(runnable(player), str(place), host=given)
    assert result.error is None
    return [result.exit_code, answers.read_text("ascii").split(), host.logs, host.message_bytes(), host.reply_headers]


def foresight(runner: Runner) -> Foresight:
    return runner.scripts.current(str(runnable(PLAYER))).foresight


def without_time(steps: list[Step]) -> list[Step]:
    return [step for step in steps if "$Ts" not in step]


@pytest.mark.parametrize(
    ("runtime", "seed"),
    [
        *(("mono", seed) for seed in range(12)),
        *((other, seed) for other in list(PLAYERS)[1:] for seed in range(len(STALE))),
    ],
)
def test_a_script_sees_the_same_with_and_without(runner: Runner, tmp_path: Path, runtime: str, seed: int) -> None:
    """
    Each script of calls on each message, call by call: learned from itself, and with guesses that are wrong for it.

    One generation runs them all, so that what was learned from one script is the guess for the next. What is expected
    is what C# sees without any guess.
    """
    numbers = random.Random(seed)  # noqa: S311 - a seed, so that a failure can be had again
    scripts = [STALE[seed % len(STALE)], *(without_time(drawn(numbers)) for _ in range(5))]
    place = tmp_path / "steps"

    for steps, (name, message) in itertools.product(scripts, MESSAGES.items()):
        expected = played(runner, steps, message, place, blind=True)
        for blind in (True, False, False, False):
            seen = played(runner, steps, message, place, blind=blind, player=PLAYERS[runtime])
            assert seen == expected, (seed, name, blind, steps)


OTHERS = {
    "never ends, or takes its worker or the machine with it": (
        "AllocatesWithoutEnd AbortsTheMainThread CallsExitOnAThread ClosesDescriptors Deadlocks FailsFast "
        "ForksWithoutEnd NeverReturns NeverReturnsFromNative OverflowsTheStack RefusesToBeAborted "
        "Dies DiesAtLoad Exits ExitsAtLoad RunsOutOfMemory SendsItselfASignal StartsThreadsWithoutEnd "
        "ThrowsInAFinaliser ThrowsInANativeCallback ThrowsInATimer ThrowsOnAThread WritesGarbageToEveryFd"
    ),
    "leaves something running, so its worker is replaced": (
        "CallsFromAnOldThread CallsLate LeavesAChild LeavesATask LeavesAThread ReturnsWhileThreadsCall StartsThreads"
    ),
    "asks nothing, or needs a parameter or a file of its own": (
        "FloodsStdout LoadsAPlugin LooksAround PlaysSteps SetsALongText ShowsSurface ThrowsInAnEvent WritesToNowhere"
    ),
}
"""Scripts of the shelf that are not compared, by the reason."""
NOT_COMPARED = {name for names in OTHERS.values() for name in names.split()}
COMPARED = [
    path
    for folder in (".", *list(PLAYERS)[1:])
    for path in sorted((SHELF / folder).glob("[A-Z]*.*"))
    if path.is_file() and path.stem not in NOT_COMPARED
]
GUESSES: dict[str, list[tuple[str, tuple[Any, ...]]]] = {
    "empty": [],
    "wrong": [
        ("PV.GetI", ("$ci",)), ("PV.IsNull", ("$fu",)), ("PV.GetS", ("$var(nobody)",)),
        ("PV.SetS", ("$avp(nobody)", "x")), ("HDR.Remove", ("X-Nobody",)),
    ],
    "stale": [("PV.GetS", (name,)) for name in READS]
    + [("PV.IsNull", ("$du",)), ("PV.GetI", ("$var(y)",)), ("PV.SetS", ("$rU", "1")), ("PV.SetI", ("$var(x)", 1))]
    + [("HDR.Append", ("X: 1\r\n",)), ("HDR.Insert", ("X: 1\r\n",)), ("HDR.AppendToReply", ("X: 1\r\n",))],
}  # fmt: skip
"""What another script, or an earlier build, would have taught."""


@pytest.mark.parametrize("source", COMPARED, ids=lambda source: source.name)
def test_every_script_of_the_shelf_does_the_same_whatever_was_guessed(runner: Runner, source: Path) -> None:
    script = runnable(source)

    def seen(message: bytes, *, blind: bool) -> list[Any]:
        host = MessageHost(message)
        given: Any = Blind(host) if blind else host
        result = runner.mono_exec(script, "param", host=given)
        variables = [host.get_s(f"$var({name})") for name in "xyabc"]
        return [result.exit_code, str(result.error), host.logs, host.message_bytes(), host.reply_headers, variables]

    for message in (INVITE, REPLY, BROKEN):
        expected = seen(message, blind=True)
        for guess, asked in GUESSES.items():
            runner.scripts.current(str(script)).foresight.plan = learned(*asked).plan
            for turn in range(3):
                assert seen(message, blind=False) == expected, (guess, turn)


EXAMPLE_SCRIPTS = [*sorted(EXAMPLES.glob("[A-Z]*.*")), SHELF / "MakesEveryCall.cs"]


@pytest.mark.parametrize("source", EXAMPLE_SCRIPTS, ids=lambda source: source.name)
@pytest.mark.parametrize("param", [None, "00:00-23:59", "49,33", str(EXAMPLES / "numbers.txt")])
def test_every_example_does_the_same_with_and_without(
    request: pytest.FixtureRequest, runner: Runner, source: Path, param: str | None
) -> None:
    if source.suffix in {".vb", ".fs"}:
        request.getfixturevalue("compilers")
    script = runnable(source)

    def seen(message: bytes, *, blind: bool) -> list[Any]:
        host = MessageHost(message)
        given: Any = Blind(host) if blind else host
        result = runner.mono_exec(script, param, host=given)
        return [result.exit_code, str(result.error), host.logs, host.message_bytes(), host.reply_headers]

    for message in [*MESSAGES.values(), INVITE, REGISTER] * 2:
        assert seen(message, blind=False) == seen(message, blind=True)


def test_the_second_exec_asks_nothing_that_the_first_taught(runner: Runner, tmp_path: Path) -> None:
    steps: list[Step] = [
        ("PV.GetS", "$ru"),
        ("PV.GetI", "$var(a)"),
        ("PV.SetS", "$rU", "123"),
        ("PV.GetS", "$ci"),
        ("HDR.AppendToReply", "X: 1\r\n"),
    ]
    place = tmp_path / "steps"
    for _ in range(2):
        played(runner, steps, INVITE, place)
    plan = foresight(runner).plan

    assert {("PV.GetS", "$ru"), ("PV.GetI", "$var(a)"), ("PV.GetS", "$ci")} <= set(plan.reads)
    assert {("PV.SetS", "$rU"), ("HDR.AppendToReply", "")} <= set(plan.edits)


def test_what_is_volatile_expensive_or_unknown_is_not_guessed(runner: Runner, tmp_path: Path) -> None:
    played(runner, [("PV.GetS", name) for name in READS], INVITE, tmp_path / "steps")

    names = {name for _, name in foresight(runner).plan.reads}

    assert names.isdisjoint({"$Ts", "$nothing", "$(ru{s.len})", "$var($rU)", "$mb"})
    assert {"$ru", "$hdr(To)", "$(hdr(Via)[0])"} <= names


def test_a_host_that_says_nothing_is_asked_everything(runner: Runner, tmp_path: Path) -> None:
    steps: list[Step] = [("PV.GetS", "$ru"), ("PV.SetS", "$rU", "123")]
    place = tmp_path / "steps"
    played(runner, steps, INVITE, place)
    calls = []

    for host in (MessageHost(INVITE), Blind(MessageHost(INVITE))):
        recording = Recording(host)  # type: ignore[arg-type]
        given: Any = recording
        runner.mono_exec(runnable(PLAYER), str(place), host=given)
        calls.append([call for call in recording.called if call[0] in {"get_s", "set_s"}])

    assert ("get_s", "$ru") in calls[0]
    assert calls[1] == [("get_s", "$ru"), ("set_s", "$rU", "123")]


class Lying(MessageHost):
    """Calls certain what it then refuses."""

    def is_certain(self, _call: str, _target: str) -> bool:
        return True

    def set_s(self, _name: str, _value: str) -> int:
        return -1


def test_a_certain_edit_that_is_refused_is_a_fault_of_the_host(runner: Runner, tmp_path: Path) -> None:
    steps: list[Step] = [("PV.SetS", "$rU", "123")]
    place = tmp_path / "steps"
    played(runner, steps, INVITE, place)
    script = runnable(PLAYER)

    refused = runner.mono_exec(script, str(place), host=Lying(INVITE))

    assert isinstance(refused.error, HostFault)
    assert "PV.SetS('$rU', '123')" in str(refused.error)
    assert played(runner, steps, INVITE, place)[0] == 0


@pytest.mark.parametrize(
    ("message", "certain"),
    [("invite", True), ("register", True), ("reply", False), ("tel", False), ("nouri", False), ("broken", True)],
)
def test_the_user_of_the_r_uri_is_certain_where_there_is_a_sip_uri(message: str, *, certain: bool) -> None:
    host = MessageHost(MESSAGES[message])

    assert host.is_certain("PV.SetS", "$rU") is certain
    assert not certain or host.set_s("$rU", "+*#._-aZ9") == 0


def test_headers_are_certain_where_they_parse() -> None:
    assert [MessageHost(INVITE).is_certain(call, "") for call in ("HDR.Append", "HDR.Remove", "HDR.Insert")] == [
        True
    ] * 3
    assert [MessageHost(BROKEN).is_certain(call, "") for call in ("HDR.Append", "HDR.Remove")] == [False] * 2


def test_a_queue_of_edits_arrives_in_order_before_the_question_that_follows(runner: Runner, tmp_path: Path) -> None:
    steps: list[Step] = [("PV.SetS", "$var(a)", str(number)) for number in range(40)]
    steps += [("PV.GetS", "$var(a)"), ("HDR.Append", "X: 1\r\n"), ("PV.GetS", "$Ts")]
    place = tmp_path / "steps"
    played(runner, steps, INVITE, place)
    script = runnable(PLAYER)

    recording = Recording(MessageHost(INVITE))
    given: Any = recording
    runner.mono_exec(script, str(place), host=given)
    edits = [call[1:] for call in recording.called if call[0] in {"set_s", "hdr_append"}]

    assert edits == [*(("$var(a)", str(number)) for number in range(40)), ("X: 1\r\n",)]
    assert ("get_s", "$Ts") in recording.called[recording.called.index(("hdr_append", "X: 1\r\n")) :]
