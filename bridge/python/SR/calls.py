"""The calls of a script: answered from what came with the exec, held as certain edits, or asked over the wire.

A call counts when it is made during an exec on the exec's own thread, or on one that was begun since. Every other call
gets its error value and never touches the wire.

While a question waits for its answer, another exec may run within this one, on the thread that waits. Other threads of
the exec that waits go on when it does.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from _thread import _count, get_ident
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar

from .wire import Lines, LostTurn, Outbox, is_text, lost, quoted, readable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

MOST_ARGUMENTS = 6  # runner/calls.py
MAX_DEPTH = 8  # runner/wire/session.py
LONGEST_FILE = 4096  # the same
_NOT_THE_SCRIPTS = (f"{os.path.dirname(os.path.abspath(__file__))}/", f"{os.path.dirname(os.__file__)}/", "<frozen ")
# Texts of one exec that reach the log. runner/worker/outcome.py allows one text more, and some characters more: the
# text that says how many were dropped.
MAX_TEXTS = 999
MAX_TEXT_CHARACTERS = 1024 * 1024 - 100

# The texts that an edit takes, by the name that a plan gives them.
_TAKES = {
    "any": re.compile("[^\\0\\ud800-\\udfff]{1,8192}\\Z").match,
    "word": re.compile(r"[A-Za-z0-9+*#._-]{1,256}\Z").match,
}

# KSR.err(text) and its like are Core.Log with this level, which needs no answer.
LEVELS = {"crit": -2, "err": -1, "warn": 0, "notice": 1, "info": 2, "dbg": 3}
# Functions of KEMI that make the same edit as another call: that call, the types of their arguments, their result.
# KSR_EDITS in runner/calls.py has them, too.
KSR_EDITS: dict[str, tuple[str, list[type], Any]] = {
    "pv.sets": ("PV.SetS", [str, str], True),
    "pv.seti": ("PV.SetI", [str, int], True),
    "hdr.append": ("HDR.Append", [str], 1),
    "hdr.append_to_reply": ("HDR.AppendToReply", [str], 1),
}


class KsrError(Exception):
    """A function of Kamailio that was not called. The message says why, and what to do about it."""

    __module__ = "SR"


class Leaves(SystemExit):
    """Ends the script after KSR.x.exit() or drop(); ``except Exception`` does not catch it."""


class Plan:
    """What the runner has learned of one entry: the values and edits that travel with each of its execs.

    Args:
        plan: ``{reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]}``.

    Attributes:
        count: How many values come.
        reads: The place of a value, by call and name.
        edits: By call and target: the number of the edit, the places of the values that it may change, and a check of
            a text that it writes.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        groups = [group for _, _, group in plan["reads"]]
        self.count = len(groups)
        self.reads = {(call, name): place for place, (call, name, _) in enumerate(plan["reads"])}
        self.edits = {
            (call, target): (number, [at for at, group in enumerate(groups) if group == own != 0], _TAKES[takes])
            for number, (call, target, own, takes) in enumerate(plan["edits"])
        }


class Exec:
    """One exec that runs, or waits for another one within it."""

    NOTHING: ClassVar[dict[Any, Any]] = {}

    reads: dict[tuple[str, str], int] = NOTHING
    edits: dict[tuple[str, str], Any] = NOTHING
    used = waited_ns = texts = characters = dropped = 0
    has_exited = exit_is_pending = is_traced = False

    def __init__(self, thread: int, old: frozenset[int]) -> None:
        self.thread = thread
        self.old = old
        self.values: list[Any] = []
        self.certain = 0

    def forget(self) -> None:
        """From now on no value and no certainty counts."""
        self.reads = self.edits = Exec.NOTHING

    def has(self, thread: int) -> bool:
        """Whether a thread belongs to it."""
        return thread == self.thread or thread not in self.old


class Calls:
    """What ``SR`` asks.

    Attributes:
        own_threads: The threads that Python has counted when nothing of a script runs.
        run: Runs an exec within the one that waits, by its message.
        is_child: Whether this process was forked by a script, so it has no wire.
    """

    def __init__(self, lines: Lines, outbox: Outbox) -> None:
        self.own_threads = _count()
        self.run: Callable[[dict[str, Any]], None]
        self.is_child = False
        self._lines = lines
        self._outbox = outbox
        self._gate = outbox.gate
        self._lock = threading.RLock()
        self._resumed = threading.Condition(self._lock)
        self._now: Exec | None = None
        self._thread = 0  # of the exec that runs; 0: there is none, or its next call has to be looked at
        self._suspended: list[Exec] = []
        self._is_waiting = False
        self._question = 0

    @property
    def depth(self) -> int:
        """How many execs wait while one runs within them."""
        return len(self._suspended)

    def start(self, plan: Plan | None, values: Any, certain: int, *, is_traced: bool) -> Exec:
        """An exec starts on this thread: from now on its calls are answered, and say where they are made if traced."""
        alone = _count() == self.own_threads
        run = Exec(get_ident(), frozenset() if alone else frozenset(sys._current_frames()))  # noqa: SLF001
        if plan is not None and type(values) is list and len(values) == plan.count:
            run.reads, run.edits, run.values, run.certain = plan.reads, plan.edits, values, certain
        run.is_traced = is_traced
        self._now, self._thread = run, run.thread
        return run

    def end(self, run: Exec) -> None:
        """From now on calls are outside of the exec. Waits until the question of another thread is answered."""
        with self._lock:
            while self._now is not run:
                self._resumed.wait()
            with self._gate:
                if run.dropped:
                    self._outbox.notice(_log(0, quoted(f"{run.dropped} more texts were dropped\n")))
                self._now, self._thread = None, 0

    def forked(self) -> None:
        """From now on nothing has an answer: a script has forked this process, which has no wire."""
        self.is_child = True
        self._now, self._thread = None, 0
        self._suspended.clear()
        self._gate = self._outbox.gate = threading.RLock()
        self._lock = threading.RLock()
        self._resumed = threading.Condition(self._lock)

    def log(self, level: int, text: str) -> None:
        """``Core.Log``."""
        with self._gate:
            thread = get_ident()
            run = self._now
            if run is None or not run.has(thread):
                if not any(waiting.has(thread) for waiting in self._suspended):
                    return
                run = run or self._suspended[-1]
            if run.dropped or run.texts == MAX_TEXTS or run.characters == MAX_TEXT_CHARACTERS:
                run.dropped += 1
                return
            text = text[: min(self._outbox.max_line_bytes // 8, MAX_TEXT_CHARACTERS - run.characters)]
            run.texts += 1
            run.characters += len(text)
            self._outbox.notice(_log(level, quoted(readable(text)), _place() if run.is_traced else ""))

    def read(self, call: str, name: str) -> Any:
        """The answer to a call that reads; None when it was refused."""
        run = self._now if get_ident() == self._thread else self._caller()
        if run is None:
            return None
        value = self._ahead(run, call, name)
        return self._ask(run, call, name)[0] if value is False else value

    def edit(self, call: str, target: str, value: str | int, *arguments: str | int) -> Any:
        """The answer to an edit, 0 for a certain one; None when it was refused."""
        run = self._now if get_ident() == self._thread else self._caller()
        if run is None:
            return None
        if self._is_certain(run, call, target, value):
            return 0
        run.forget()
        return self._ask(run, call, *arguments)[0]

    def command(self, call: str, *arguments: str | int) -> Any:
        """The answer to a call that may change anything; None when it was refused."""
        run = self._now if get_ident() == self._thread else self._caller()
        if run is None:
            return None
        run.forget()
        return self._ask(run, call, *arguments)[0]

    def find_helper(self, name: str) -> str | None:
        """The hash of the copy of a file beside the running script; None: there is none, or no exec is running."""
        run = self._caller()
        found = None if run is None else self._ask(run, "Helper.Find", name)[0]
        return found if type(found) is str else None

    def ksr(self, function: str, arguments: tuple[str | int, ...]) -> Any:
        """Call a function of Kamailio's KEMI.

        Raises:
            KsrError: It was not called.
        """
        run = self._now if get_ident() == self._thread else self._caller()
        if run is None:
            raise KsrError(f"KSR.{function}: no exec is running, or it is not this thread's")
        first = arguments[0] if arguments else ""
        if len(arguments) <= 1 and isinstance(first, str):
            if arguments and function in LEVELS:
                self.log(LEVELS[function], first)
                return None
            value = self._ahead(run, function, first)
            if value is not False:
                return value
        if function in KSR_EDITS:
            call, types, result = KSR_EDITS[function]
            if [type(argument) for argument in arguments] == types:
                target = first if len(types) > 1 else ""
                if self._is_certain(run, call, str(target), arguments[-1]):
                    return result
        run.forget()
        answer, refusal = self._ask(run, "KSR", function, arguments)
        if refusal:
            raise KsrError(refusal)
        return answer

    def leave(self, *, drops: bool) -> None:
        """End the script, and with it the routing of the message. Outside of an exec it does nothing."""
        if drops or (self._now is not None and self._now.is_traced):  # a trace has the end as well
            self.ksr("set_drop" if drops else "x.exit", ())
        run = self._caller()
        if run is not None:
            run.has_exited = True
            if get_ident() != run.thread:
                run.exit_is_pending, self._thread = True, 0  # the exec's own thread ends at its next call
            raise Leaves

    def _caller(self) -> Exec | None:
        """The exec that this thread may call for; waits while that one waits for another exec within it."""
        thread = get_ident()
        with self._lock:
            while True:
                run = self._now
                if run is not None and run.has(thread):
                    if run.exit_is_pending and thread == run.thread:
                        run.exit_is_pending, self._thread = False, run.thread  # a finally block may still make calls
                        raise Leaves
                    return run
                if self._is_waiting or not any(waiting.has(thread) for waiting in self._suspended):
                    return None
                self._resumed.wait()

    @staticmethod
    def _ahead(run: Exec, call: str, name: str) -> Any:
        """The value that came with the exec; False: it did not, or an edit may have changed it."""
        place = run.reads.get((call, name))
        if place is None:
            return False
        value = run.values[place]
        if value is not False:
            run.used |= 1 << place
        return value

    def _is_certain(self, run: Exec, call: str, target: str, value: str | int) -> bool:
        """Make an edit that cannot fail; false: it is none, and the host has to be asked."""
        known = run.edits.get((call, target))
        if known is None:
            return False
        number, places, takes = known
        if not run.certain >> number & 1:
            return False
        if isinstance(value, str):
            if not takes(value):
                return False
            pair = f"[{number},{quoted(value)}]"
        else:
            pair = f"[{number},{value:d}]"
        with self._gate:
            # Not while another thread of the script waits for its answer.
            if self._is_waiting or self._now is not run or not self._outbox.edit(pair):
                return False
        for place in places:
            run.values[place] = False
        return True

    def _ask(self, run: Exec, call: str, *arguments: Any) -> tuple[Any, str]:
        """Ask the host.

        Returns:
            The answer and an empty text; or None and why the call was not made.
        """
        with self._lock:
            while self._now is not run:  # on a thread that is not the exec's own
                if self._caller() is not run:
                    return None, f"{call}: its exec has ended"
            written = None if self._is_waiting else _written(arguments, self._outbox.max_line_bytes)
            if written is None:
                return None, f"{call}.{arguments[0]}: its arguments are no text that can be written, or too many"
            question = self._question + 1
            self._is_waiting = True
            asked_ns = perf_counter_ns()
            try:
                place = _place() if run.is_traced else ""
                beginning = f'{{"jsonrpc":"2.0","id":{question},"method":"{call}"'
                if not self._outbox.turn(f'{beginning},"params":[{written}]{place}}}'):
                    return None, f"{call}.{arguments[0]}: its arguments are too long"
                self._question = question
                answer = self._answer(run)
            finally:
                self._is_waiting = False
            run.waited_ns += perf_counter_ns() - asked_ns
            if answer.get("id") != question:
                lost(f"expected the answer to question {question}")
            if "result" in answer:
                return answer["result"], ""
            error = answer.get("error")
            message = error.get("message") if isinstance(error, dict) else None
            return None, message if isinstance(message, str) else "the call was refused"

    def _answer(self, run: Exec) -> dict[str, Any]:
        """The next message that is no exec; an exec runs here, within the one that has asked."""
        while True:
            try:
                message = self._lines.next()
            except LostTurn as error:
                lost(error)
            if not message or ("method" in message and len(self._suspended) == MAX_DEPTH - 1):
                lost("expected an answer")
            elif "method" not in message:
                return message
            else:
                self._run_within(run, message)

    def _run_within(self, run: Exec, message: dict[str, Any]) -> None:
        self._suspended.append(run)
        self._now, self._thread, self._is_waiting = None, 0, False
        self._lock.release()  # threads of the exec that comes make calls, too
        try:
            self.run(message)
        finally:
            self._lock.acquire()
            self._suspended.pop()
            run.forget()
            self._now, self._thread, self._is_waiting = run, 0 if run.exit_is_pending else run.thread, True
            self._resumed.notify_all()


def _log(level: int, text: str, place: str = "") -> str:
    return f'{{"jsonrpc":"2.0","method":"Core.Log","params":[{level:d},{text}]{place}}}'


def _place() -> str:
    """Where the script makes the call, as a member of its message; empty where that is in none of its files."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_NOT_THE_SCRIPTS) and len(file) <= LONGEST_FILE:
            return f',"at":[{quoted(readable(file))},{frame.f_lineno}]'
        frame = frame.f_back
    return ""


def _written(arguments: tuple[Any, ...], longest: int) -> str | None:
    """Arguments as JSON; None where one cannot be written or is longer than a line, or there are too many."""
    if len(arguments) > MOST_ARGUMENTS + 1:
        return None
    written = []
    for argument in arguments:
        if isinstance(argument, str):
            if len(argument) > longest or not is_text(argument):
                return None
            written.append(quoted(argument))
        elif type(argument) is tuple:
            inner = _written(argument, longest) if len(argument) <= MOST_ARGUMENTS else None
            if inner is None:
                return None
            written.append(f"[{inner}]")
        else:
            written.append("true" if argument is True else "false" if argument is False else f"{argument:d}")
    return ",".join(written)
