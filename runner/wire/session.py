"""One conversation with one worker, without I/O: bytes in, events out.

Must not import anything that reads, waits or looks at a clock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from runner.calls import QUESTIONS
from runner.errors import ConfigError, ProtocolViolation

from . import common_turn, events, messages
from .events import CAN, RETIRE_REASONS, Done, Edits, Event, Exiting, Failed, Loaded, Notice, Place, Question, Ready

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# Far longer than a SIP message. A call with a longer text gets its error value, and the worker stays.
MAX_LINE_BYTES = 8 * 1024 * 1024
REASON_CHARACTERS = 500  # of a refusal: a sentence
SHARE_OF_REASON = 8  # of the longest line: a character takes up to six bytes


ANY_EDITS = -1  # as bits: all of them
MAX_DEPTH = 8  # execs that run within each other, the outermost counted; bridge/Questions.cs takes no more
LONGEST_FILE = 4096  # characters of the name of a source; a bridge leaves out a longer one


class State(StrEnum):
    """Whose turn it is, and what for."""

    STARTING = "starting"
    IDLE = "idle"
    LOADING = "loading"
    RUNNING = "running"
    ASKED = "asked"
    CLOSED = "closed"
    BROKEN = "broken"

    __hash__ = str.__hash__  # Enum's own is a call into Python for each look into the table


_ANYWHERE = tuple(State)[:5]

# (state, event) -> next state. "<-" comes from the worker, "->" goes to it. Anything that is not here is a violation.
TABLE: dict[tuple[State, str], State] = {
    (State.STARTING, "<- ready"): State.IDLE,
    (State.IDLE, "-> load"): State.LOADING,
    (State.LOADING, "<- result"): State.IDLE,
    (State.LOADING, "<- error"): State.IDLE,
    (State.IDLE, "-> exec"): State.RUNNING,
    (State.RUNNING, "<- notice"): State.RUNNING,
    (State.RUNNING, "<- question"): State.ASKED,
    (State.ASKED, "<- notice"): State.ASKED,
    (State.ASKED, "-> answer"): State.RUNNING,
    (State.RUNNING, "<- result"): State.IDLE,
    (State.RUNNING, "<- error"): State.IDLE,
    # While a question is open another exec may run within the one that asked, and so on, MAX_DEPTH of them. The
    # question is open again when the inner one has ended.
    (State.ASKED, "-> exec"): State.RUNNING,
    (State.RUNNING, "<- inner result"): State.ASKED,
    (State.RUNNING, "<- inner error"): State.ASKED,
    **{(state, "<- exiting"): State.CLOSED for state in _ANYWHERE},
}

# The steps of every exec, read from the table once: a look into it needs a tuple and two calls.
AFTER_EXEC = TABLE[State.IDLE, "-> exec"]
AFTER_QUESTION = TABLE[State.RUNNING, "<- question"]
AFTER_RESULT = TABLE[State.RUNNING, "<- result"]


class Waiting(NamedTuple):
    """What a session keeps of an exec that has asked, while another one runs within it."""

    request_id: int
    question_id: int
    awaited: str
    certain: int
    takes: Sequence[type]


class Session:
    """
    The state of one conversation.

    Outgoing messages are methods that return the bytes to send; incoming bytes go into ``receive``, which returns what
    they mean. A violation sets BROKEN and raises. After it, and after CLOSED, nothing is accepted.

    Args:
        max_line_bytes: Longest line either side may send, its end included.
        state: STARTING for a new worker, IDLE for one that another session talked to until now.

    Attributes:
        requests, request_id: How many there were; the number of the one under way, or of the last one.
        rest: The beginning of a line whose end has not come yet.
    """

    __slots__ = (
        *("_awaited", "_certain", "_longest_reason", "_outer", "_question_id", "_searched", "_takes"),
        *("max_line_bytes", "request_id", "requests", "rest", "state"),
    )

    def __init__(self, max_line_bytes: int, state: State = State.STARTING) -> None:
        self.state = state
        self.max_line_bytes = max_line_bytes
        self._longest_reason = min(REASON_CHARACTERS, max_line_bytes // SHARE_OF_REASON)
        self.rest = bytearray()
        self._searched = 0
        self.requests = 0
        self.request_id = 0
        self._question_id = 0
        self._outer: list[Waiting] = []
        self._awaited = common_turn.beginning(0)
        self._certain = 0
        self._takes: Sequence[type] = ()

    def where(self) -> tuple[State, int, int, bytes]:
        """The state, the number of the last request and of the last question, and the beginning of a line heard."""
        return self.state, self.request_id, self._question_id, bytes(self.rest)

    @classmethod
    def resumed(cls, max_line_bytes: int, state: State, request: int, question: int, heard: bytes) -> Session:
        """
        The session of an exec or load that another session began, as ``where`` had it there.

        Which edits are certain is no longer known: any are accepted, and whoever receives them drops them.
        """
        session = cls(max_line_bytes, state)
        session.requests = session.request_id = request
        session._question_id = question
        session._awaited = common_turn.beginning(request)
        session.rest = bytearray(heard)
        session._certain = ANY_EDITS
        return session

    def load(self, params: Mapping[str, Any]) -> bytes:
        """The line that asks for a load; IDLE becomes LOADING."""
        line = self._sent("-> load", messages.load_request(self.requests + 1, params))
        self.requests = self.request_id = self.requests + 1
        return line

    @property
    def depth(self) -> int:
        """How many execs wait while the one that runs runs within them."""
        return len(self._outer)

    @property
    def can_nest(self) -> bool:
        """Whether another exec may run within the one that has asked."""
        return self.state is State.ASKED and len(self._outer) < MAX_DEPTH - 1

    def exec(
        self,
        generation: str,
        param: str | None,
        *,
        fresh: bool = False,
        entry: str | None = None,
        ahead: str = "",
        certain: int = 0,
        takes: Sequence[type] = (),
    ) -> bytes:
        """
        The line that starts an exec; IDLE becomes RUNNING, and so does ASKED where ``can_nest``.

        Args:
            generation: Its id.
            param: The one argument of Main or of the entry; None gives none at all.
            entry: The method that runs; None is Main.
            fresh: Whether the script's own assembly gets new statics first.
            ahead: What ``Plan.ahead`` gave.
            certain: The edits of the plan, as bits, that may come without being asked for.
            takes: The type of value that each edit of the plan takes.

        Raises:
            ConfigError: The line would be longer than ``max_line_bytes``; the state is as before.
        """
        request_id = self.requests + 1
        line, awaited = common_turn.exec_line(request_id, generation, param, ahead, fresh=fresh, entry=entry)
        if self.state is State.IDLE and len(line) <= self.max_line_bytes:
            self.state = AFTER_EXEC
        else:
            if self.state is State.ASKED and not self.can_nest:
                raise RuntimeError(f"-> exec is not allowed within {MAX_DEPTH} others")
            self._sent("-> exec", line)  # or says what is wrong
            self._outer.append(Waiting(self.request_id, self._question_id, self._awaited, self._certain, self._takes))
        self.requests = self.request_id = request_id
        self.begun(awaited, certain, takes)
        return line

    def begun(self, awaited: str, certain: int, takes: Sequence[type]) -> None:
        """How the result of the exec that was sent begins, and its edits as in ``exec``."""
        self._awaited = awaited
        self._certain, self._takes = certain, takes

    def answer(self, result: str | int | None) -> bytes:
        """The line that answers the open question; ASKED becomes RUNNING."""
        line = messages.answer(self._question_id, result)
        if len(line) > self.max_line_bytes:
            return self.refuse(f"the answer has {len(line)} bytes, more than the {self.max_line_bytes} of a line")
        return self._sent("-> answer", line)

    def refuse(self, reason: str) -> bytes:
        """The line that gives the script the open call's error value; ASKED becomes RUNNING."""
        return self._sent("-> answer", messages.refusal(self._question_id, reason[: self._longest_reason]))

    def receive(self, data: bytes) -> list[Event]:
        """
        What these bytes mean, in order. An incomplete line waits for the rest. While CLOSED they mean nothing.

        Raises:
            ProtocolViolation: The table does not allow a line now. Events before it in the same bytes are lost, because
                nothing of a broken conversation is believed.
        """
        if self.state is State.RUNNING and not self.rest and len(data) <= self.max_line_bytes:
            event = common_turn.read(data, self._awaited, self._certain, self._takes)
            if isinstance(event, Done):
                if self._outer:
                    self._ends("<- result")
                else:
                    self.state = AFTER_RESULT
                return [event]
            if event is not None:
                self.state = AFTER_QUESTION
                self._question_id, question = event
                return [question]
        return self._received(data)

    def _received(self, data: bytes) -> list[Event]:
        """As ``receive``, for any line."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        rest: bytes | bytearray = data
        if self.rest:
            self.rest += data  # in place: a long line comes in many pieces
            rest = self.rest
        start = 0
        try:
            while (end := rest.find(b"\n", start or self._searched)) >= 0:
                if end - start >= self.max_line_bytes:
                    self._refuse_length(end - start)
                for message in messages.parse(rest[start:end]):
                    event = self._understood(message)
                    events.append(event)
                    if type(event) is Exiting:
                        return events
                start, self._searched = end + 1, 0
            if rest is self.rest:
                del self.rest[:start]
            elif start < len(rest):
                self.rest = bytearray(rest[start:])
            self._searched = len(self.rest)
            if self._searched >= self.max_line_bytes:
                self._refuse_length(self._searched)
        except messages.NotAMessage as error:
            raise self._violation(str(error)) from error
        return events

    def end(self) -> None:
        """The stream has ended; any state becomes CLOSED."""
        if self.state is not State.BROKEN:
            self.state = State.CLOSED

    def _refuse_length(self, length: int) -> NoReturn:
        raise messages.NotAMessage(f"expected a line of at most {self.max_line_bytes} bytes, got {length} or more")

    def _sent(self, what: str, line: bytes) -> bytes:
        following = TABLE.get((self.state, what))
        if following is None:
            raise RuntimeError(f"{what} is not allowed while {self.state.value}")
        if len(line) > self.max_line_bytes:
            raise ConfigError(f"expected a line of at most {self.max_line_bytes} bytes, got {len(line)}")
        self.state = following
        return line

    def _advance(self, what: str) -> State:
        """Make the step ``what``; returns the state before it."""
        before = self.state
        following = TABLE.get((before, what))
        if following is None:
            raise self._violation(f"{what} is not allowed while {before.value}")
        self.state = following
        return before

    def _ends(self, what: str) -> State:
        """Make the step that ends an exec or a load, ``<- result`` or ``<- error``; returns the state before it."""
        if not self._outer or self.state is not State.RUNNING:
            return self._advance(what)
        before = self._advance(what.replace("<- ", "<- inner "))
        self.request_id, self._question_id, self._awaited, self._certain, self._takes = self._outer.pop()
        return before

    def _violation(self, text: str) -> ProtocolViolation:
        step, self.state = self.state, State.BROKEN
        return ProtocolViolation(text, step=step.name)

    def _understood(self, message: dict[str, Any]) -> Event:
        """What a message means that is not the common turn's."""
        match message if type(message.get("id", 0)) is int else {}:  # true is no number here
            case {"jsonrpc": "2.0", "id": int(question_id), "method": method, "params": list(args)}:
                return self._question(question_id, method, args, self._place(message.get("at")))
            case {"jsonrpc": "2.0", "id": int(request_id), "result": dict(result)} if request_id == self.request_id:
                return self._result(result)
            case {"jsonrpc": "2.0", "id": int(request_id), "error": dict(error)} if request_id == self.request_id:
                return self._error(error)
            case {"jsonrpc": "2.0", "method": method} if "id" not in message:
                return self._notice(method, message.get("params"), self._place(message.get("at")))
        raise self._violation(f"expected a message of this wire, got {messages.shown(repr(message).encode())}")

    def _place(self, at: Any) -> Place | None:
        """Where a call is made, as its member ``at`` says it; None where it says nothing."""
        if at is None or (type(at) is list and [*map(type, at)] == [str, int] and len(at[0]) <= LONGEST_FILE):
            return None if at is None else (at[0], at[1])
        raise self._violation(f"expected a file and a line, got {messages.shown(repr(at).encode())}")

    def _question(self, question_id: int, method: Any, args: list[Any], place: Place | None) -> Question:
        call = QUESTIONS.get(method) if type(method) is str else None
        if call is None or call.is_notice or not call.takes(args):
            raise self._violation(f"expected a question, got {messages.shown(f'{method!a} {args!a}'.encode())}")
        self._advance("<- question")
        self._question_id = question_id
        return Question(method, tuple(args), place)

    def _notice(self, method: Any, params: Any, place: Place | None) -> Event:
        """A message that needs no answer."""
        match method, params:
            case "ready", {"protocol": messages.PROTOCOL, "runtime": str(runtime), "pid": int(pid)}:
                self._advance("<- ready")
                can = params.get("can")
                return Ready(runtime, pid, tuple(word for word in CAN if word in can) if type(can) is list else ())
            case "ready", {"protocol": other}:
                raise self._violation(f"expected protocol {messages.PROTOCOL}, the bridge speaks {other!r}")
            case "exiting", {"code": int(code), "exec": int(request_id)}:
                before = self._advance("<- exiting")
                is_answering = before in {State.LOADING, State.RUNNING, State.ASKED}
                return Exiting(code, ends_request=is_answering and request_id == self.request_id)
            case "Core.Log", [int(level), str(text)]:
                # Also while one thread of the script waits for its answer: others may still log.
                self._advance("<- notice")
                return Notice(method, (level, text), place)
            case "edits", list(edits) if self.state is State.RUNNING and self._are_edits(edits):
                return Edits(edits)
        raise self._violation(
            f"expected a notice of this wire, got {messages.shown(f'{method!a} {params!a}'.encode())}"
        )

    def _are_edits(self, edits: Any) -> bool:
        """Whether these are pairs of the number of a certain edit and a value of the kind that it takes."""
        if self._certain == ANY_EDITS:
            return type(edits) is list
        return type(edits) is list and all(
            type(edit) is list
            and [type(part) for part in edit[:1]] == [int]
            and edit[0] >= 0
            and self._certain >> edit[0] & 1
            and [type(part) for part in edit[1:]] == [self._takes[edit[0]]]
            for edit in edits
        )

    def _result(self, result: dict[str, Any]) -> Event:
        edits = result.get("edits", [])
        are_edits = self._are_edits(edits)  # of this exec, before another one goes on
        before = self._ends("<- result")
        if before is State.RUNNING:
            code, used, exited = result.get("code"), result.get("used", 0), result.get("exited", False)
            spent, worn = result.get("spent", []), result.get("worn", "")
            if (
                (type(code) is int and type(used) is int and used >= 0)
                and (type(spent) is list and [type(part) for part in spent] in ([], [int, int]))
                and (type(worn) is str and (not worn or worn in RETIRE_REASONS))
                and type(exited) is bool
                and are_edits
            ):
                return Done(code, used, tuple(spent), worn, edits, exited)
        else:
            needs, entries = result.get("needs"), result.get("entries", [])
            if type(needs) is list and all(type(name) is str for name in needs) and events.are_entries(entries):
                return Loaded(tuple(needs), tuple(entries))
        raise self._violation(
            f"expected the result of a {before.value} worker, got {messages.shown(repr(result).encode())}"
        )

    def _error(self, error: dict[str, Any]) -> Failed:
        match error:
            case {"code": int(code), "message": str(message)}:
                data = error.get("data")
                known = data if isinstance(data, dict) else {}
                detail, worn = known.get("stack"), known.get("worn")
                self._ends("<- error")
                return Failed(
                    code,
                    message,
                    detail if isinstance(detail, str) else "",
                    worn if isinstance(worn, str) and worn in RETIRE_REASONS else "",
                )
        raise self._violation(f"expected an error with code and message, got {messages.shown(repr(error).encode())}")
