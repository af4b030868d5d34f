"""
What scripts of the shelf do to a runner: each function is a row of docs/languages.md.

It makes sure of what holds in every language, and gives in words what happens in this one.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import BuildError, ExecTimeout, ScriptError, ScriptRefused, WorkerDied
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S, until

from .box import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from .box import Box

    Seen = Callable[[Box, pytest.LogCaptureFixture], str]

MOST_LOST = 2  # one that ran the script, and one that loaded it ahead at the same time
SHORT_S = 1.0  # for an exec that has to end at its deadline
LITTLE = {name: {"max_address_space_mib": 1024} for name in ("mono", "python")}
LIMITS = {
    "mono": "`max_address_space_mib`",
    "python": "`max_address_space_mib`",
    "node": "the limit of its heap",
    "java": "the limit of its heap",
}
ODD = "é".encode() + bytes(range(0x80, 0x100))
ODD_MESSAGE = INVITE.replace(b"\r\n", b"\r\nX-Odd: " + ODD + b"\r\n", 1)


@dataclass(frozen=True, slots=True)
class Deed:
    """
    What a script does.

    Attributes:
        seen: Runs it, and says what happens.
        settings: For a box of its own; empty: that of the others will do.
    """

    seen: Seen
    settings: Mapping[str, Any] = field(default_factory=dict)


DEEDS: dict[str, Deed] = {}


def row(what: str, **settings: Any) -> Callable[[Seen], Seen]:
    """Adds a deed, by what the script does."""

    def added(seen: Seen) -> Seen:
        DEEDS[what] = Deed(seen, settings)
        return seen

    return added


@row("throws an exception that nobody catches")
def throws(box: Box, _: pytest.LogCaptureFixture) -> str:
    ran = box.run("Throws")

    assert isinstance(ran.result.error, ScriptError)
    assert ran.host.get_s("$var(x)") == "set before"
    name = box.language.source("Throws").name
    (where,) = (line.strip() for line in ran.result.error.detail.splitlines() if name in line)
    shown = re.sub(r" \[0x[0-9a-f]+\]", "", re.sub(r"/\S+/(?=Throws)", "…/", where))
    return f"{ran}; its stack: `{shown}`"


@row("ends its process with 3, as `sys.exit(3)` does")
def exits(box: Box, _: pytest.LogCaptureFixture) -> str:
    ran = box.run("Exits", "3")

    assert (ran.result.exit_code, ran.host.logs) == (3, [(1, "before exit")])
    return str(ran)


@row("ends its process with 3 while it is loaded, after a save")
def exits_at_load(box: Box, log: pytest.LogCaptureFixture) -> str:
    """Was loaded again and again, each time in a new worker, until the deadline."""
    ready = box.language.source("ReturnsInt").read_text("utf-8")
    script = box.write(box.language.source("ExitsAtLoad").name, ready)
    code, pid = box.run(script).result.exit_code, box.pid
    box.place("ExitsAtLoad")

    assert [box.run(script).result.exit_code for _ in range(3)] == [code] * 3

    assert sum(": died (" in line for line in log.messages) <= MOST_LOST
    warned = [line for line in log.messages if "still serves" in line]
    assert len(warned) == 1
    why = re.sub(r"\S+/(?=ExitsAtLoad)", "", warned[0]).partition("; generation")[0].splitlines()[0]
    return f"the build before it serves; the log says: `{why}`; {worker(is_kept=box.pid == pid)}"


@row("loops without an end", poison_losses=0)
def loops(box: Box, log: pytest.LogCaptureFixture) -> str:
    """Tries again, for a worker has ``STACKS_S`` to write its stacks, and a busy machine may give it none of that."""
    script, tries = box.place("Loops"), list[str]()
    place = re.compile(rf"worker \d+: .*({script.stem}\.Main|{script.stem}\{box.language.suffix}\W.*\d)")

    def ends_with_its_stack_in_the_log() -> bool:
        log.clear()
        assert box.run(script, "not").result.ok  # so that the one that loops is no first run, which may be late
        ran = box.run(script, timeout_s=SHORT_S)
        assert isinstance(ran.result.error, ExecTimeout)
        tries.append(str(ran))
        is_told = any(place.match(line) for line in log.messages)
        assert ran.host.logs == [(1, "last words")] or not is_told  # where it had no time for either
        return is_told

    until(ends_with_its_stack_in_the_log, "its stack is in the log")
    assert len(set(tries)) == 1
    return f"{tries[0]}; the stacks of its threads are in the log"


@row("prints, and starts a program that prints")
def prints(box: Box, log: pytest.LogCaptureFixture) -> str:
    ran = box.run("Prints")

    assert ran.result.exit_code == 3
    wanted = ["from the console", "from the error stream", '"result":{"code":0}', "from a child"]
    until(lambda: all(any(text in line for line in log.messages) for text in wanted), "all prints are in the log")
    return f"{ran}; all of it is in the log"


@row("reads standard input")
def reads_stdin(box: Box, _: pytest.LogCaptureFixture) -> str:
    ran = box.run("ReadsStdin")

    assert ran.result.ok
    return "it is at its end"


@row("leaves a thread running")
def leaves_a_thread(box: Box, _: pytest.LogCaptureFixture) -> str:
    return str(box.run("LeavesAThread"))


@row('leaves a thread running, with `leftover_threads = "keep"`', leftover_threads="keep")
def leaves_a_thread_that_may_stay(box: Box, _: pytest.LogCaptureFixture) -> str:
    return str(box.run("LeavesAThread"))


@row("leaves something running that makes calls later", leftover_threads="keep")
def calls_late(box: Box, _: pytest.LogCaptureFixture) -> str:
    script = box.place("CallsLate")
    assert box.run(script, "start").is_kept
    ran = box.run(script, "wait")

    assert (ran.host.get_s("$var(answer)") or "").endswith("-1-1")
    assert ran.host.get_s("$var(old)") == "0"
    assert ran.host.logs == []
    return "its calls give their error values; nobody is asked, and nothing is logged"


@row("takes 200 MiB of memory and drops it")
def allocates(box: Box, _: pytest.LogCaptureFixture) -> str:
    return str(box.run("Allocates"))


@row("takes memory without an end", runtimes=LITTLE)
def runs_out_of_memory(box: Box, _: pytest.LogCaptureFixture) -> str:
    ran = box.run("RunsOutOfMemory")

    assert ran.result.error is not None
    return f"{ran.shortly}; what stops it is {LIMITS[box.language.runtime]}"


@row("calls itself 5,000 times deep")
def recurses(box: Box, _: pytest.LogCaptureFixture) -> str:
    return str(box.run("Recurses"))


@row("calls itself without an end")
def overflows_the_stack(box: Box, _: pytest.LogCaptureFixture) -> str:
    """Mono throws on some stacks and dies on others."""
    ran = box.run("OverflowsTheStack")

    assert isinstance(ran.result.error, ScriptError | WorkerDied)
    return "an exception, or the worker dies" if box.language.runtime == "mono" else ran.shortly


@row("copies a header with bytes that are not UTF-8")
def copies_bytes(box: Box, _: pytest.LogCaptureFixture) -> str:
    ran = box.run("CopiesBytes", message=ODD_MESSAGE)

    assert ran.result.ok
    assert b"X-Copy: " + ODD + b"\r\n" in ran.host.message_bytes()
    return "the copy has the same bytes"


@row("writes texts with lone surrogates")
def odd_bytes(box: Box, _: pytest.LogCaptureFixture) -> str:
    host = box.run("OddBytes").host

    assert (host.get_s("$var(got)") or "").startswith("-1 -1 0 0")
    assert (host.get_s("$var(bytes)"), host.get_s("$var(pair)")) == ("\udc80\udcff", "\U0001f600")
    assert [text.replace("\ufffd", "?").partition("?")[0] for _, text in host.logs] == ["log "]
    return "U+DC80 to U+DCFF are bytes; a call with another one gives its error value, a log text has U+FFFD for it"


@row("calls with null in the place of each text")
def null_arguments(box: Box, _: pytest.LogCaptureFixture) -> str:
    host = box.run("NullArguments").host

    assert host.get_s("$var(got)") == "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"
    assert host.logs == []
    return "the error values"


@row("has a helper, which changes")
def needs_a_helper(box: Box, _: pytest.LogCaptureFixture) -> str:
    box.place("H")
    script = box.place("NeedsHelper")
    assert box.run(script).result.exit_code == 7
    before = box.pid
    box.place("H", lambda text: text.replace("7", "8"))

    assert box.run(script).result.exit_code == 8
    return f"live for the next call; {worker(is_kept=box.pid == before)}"


@row("has a syntax error after a save")
def has_a_syntax_error(box: Box, log: pytest.LogCaptureFixture) -> str:
    script, source = box.place("Recurses"), box.language.source("Recurses").name
    assert box.run(script).result.ok
    try:
        box.place("Recurses", lambda text: f"{text})\n")
    except BuildError as error:
        says, who = error.diagnostics[0], "the compiler"
    else:
        box.run(script)
        says, who = next((line for line in log.messages if f"{source}:" in line), ""), "the log"

    assert re.search(rf"/{re.escape(source)}:\d+:\d+: \S", says)
    assert box.run(script).result.ok
    return f"{who} says `FILE:LINE:COLUMN: ...`; the last good build goes on serving"


@row("is saved while it runs")
def is_saved(box: Box, _: pytest.LogCaptureFixture) -> str:
    script, pipe, codes = box.place("Waits"), box.directory / "pipe", list[int | None]()
    os.mkfifo(pipe)

    def run() -> None:
        codes.append(box.runner.mono_exec(script, str(pipe), host=MessageHost(INVITE)).exit_code)

    running = threading.Thread(target=run)
    running.start()
    with pipe.open("w"):  # it waits until the script reads
        box.place("Waits", lambda text: text.replace("41", "42"))
    running.join(WAIT_S)
    pipe.unlink()
    pipe.touch()
    run()

    assert codes == [41, 42]
    return "this exec ends as it began; the next one runs the new build"


@row("kills its own worker, again and again", poison_losses=2)
def dies(box: Box, _: pytest.LogCaptureFixture) -> str:
    script = box.place("Dies")
    errors = [type(box.run(script).result.error) for _ in range(3)]
    box.place("Dies", lambda text: f"{text}\n")

    assert errors == [WorkerDied, WorkerDied, ScriptRefused]
    assert isinstance(box.run(script).result.error, WorkerDied)
    return "it is refused after `poison_losses`, until it is saved again or `poison_s` have passed; others run on"


@row("kills its own worker while it is loaded", poison_losses=2, poison_s=60.0)
def dies_at_load(box: Box, _: pytest.LogCaptureFixture) -> str:
    script = box.place("DiesAtLoad")
    errors = [type(box.run(script).result.error) for _ in range(3)]

    # One worker an exec, and one that loads it ahead of the second.
    assert (errors[0], errors[2]) == (WorkerDied, ScriptRefused)
    return "one worker an exec, until it is refused after `poison_losses`"
