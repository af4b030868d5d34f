"""Plays a case on the embedded host, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import sip
from runner.calls import CALLS, MODF_CANNOT_RUN
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost, to_bytes
from tools.compare.cases import Played
from tools.compare.place import LOOPBACK, without_date
from tools.oracle import as_mono_reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.compare.cases import Answer, Case, Step
    from tools.compare.place import Place

_NULL_ARGUMENT: dict[str, Answer] = {"PV.GetS": None, "PV.GetI": 0, "Core.ModF": MODF_CANNOT_RUN}


class EmbeddedSide:
    """
    The embedded host in the surroundings of ``kamailio.cfg``.

    Args:
        place: The ports.
        host: What answers; a test may plant a fault.
    """

    def __init__(self, place: Place, host: type[MessageHost] = MessageHost) -> None:
        self._place = place
        self._host = host
        main = Socket(Address(LOOPBACK, place.ports["main"]), "main")
        alt = Socket(Address(LOOPBACK, place.ports["alt"]), "alt", Address("203.0.113.5", 5070))
        self._sockets = {"main": main, "alt": alt}
        self._environment = Environment(
            sockets=(main, alt),
            server_id=7,
            defines={"TEXT": "some text", "NUMBER": "42", "EMPTY": ""},
            variables={"TEXT": "env value", "EMPTY": ""},
            hash_tables=frozenset({"table"}),
        )

    def start(self) -> None:
        """Nothing of a case outlives it here."""

    def send(self, case: Case) -> None:
        """It begins, and ends, in ``collect``."""

    def collect(self, case: Case) -> Played:
        """What this host does."""
        source = Address(LOOPBACK, self._place.ports[case.mode])
        try:
            host = self._host(
                sip.parse(self._place.placed_bytes(case.message)),
                source=source,
                received_on=self._sockets[case.socket],
                environment=self._environment,
            )
        except sip.SipParseError:
            return Played(reached=False)
        host.to_tag = "<TOTAG>"
        answers = tuple(self._answer(host, step) for step in case.steps)
        forwarded: tuple[bytes, ...] = ()
        replies: tuple[bytes, ...] = tuple(host.replies)
        if case.mode in {"forward", "both"}:
            forwarded = _leaving(lambda: host.forwarded("<BRANCH>"))
        if case.mode in {"reply", "both"} and host.context.message.first_line.is_request:
            replies += _leaving(lambda: host.reply(200, "OK", "<TOTAG>"))
        return Played(
            reached=True,
            answers=answers,
            forwarded=forwarded,
            replies=tuple(without_date(reply) for reply in replies),
        )

    def _answer(self, host: MessageHost, step: Step) -> Answer:
        name, *arguments = step
        if None in arguments:
            return _NULL_ARGUMENT.get(str(name), -1)
        placed = [self._place.placed(word) if isinstance(word, str) else word for word in arguments]
        try:
            got: Answer = getattr(host, CALLS[str(name)].method)(*placed)
        except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
            return f"raised {type(error).__name__}: {error}"
        if isinstance(got, str):
            return as_mono_reads(to_bytes(got))
        return got


def _leaving(build: Callable[[], bytes | None]) -> tuple[bytes, ...]:
    try:
        built = build()
    except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
        return (f"raised {type(error).__name__}: {error}".encode(),)
    return () if built is None else (without_date(built),)
