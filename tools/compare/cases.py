"""
What is played, and what it gave: one message, the steps of a script on it, and the facts of one side.

Must not know who plays.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.calls import MODF_CANNOT_RUN

if TYPE_CHECKING:
    from pathlib import Path

Step = tuple[str | int | None, ...]
"""The C# name of a call, and its arguments: ``("PV.SetS", "$rU", "123")``; None is C#'s null."""
Answer = str | int | None
"""What C# got."""
NOT_ASKED = "not asked"
"""Stands for the answer of a step that a side could not play."""
KSR = "KSR"
"""Stands in front of a step that calls a function of KSR: ``("KSR", "textops.search", "^To")``."""
MODES = ("drop", "forward", "reply", "both")
SOCKETS = ("main", "alt")


@dataclass(frozen=True)
class Case:
    """
    One message and what its script does.

    Attributes:
        message: The datagram, with the ports of ``place.PORTS``.
        steps: In this order, in one call of the script.
        mode: What the configuration does behind the script.
        socket: The name of the socket that receives the message.
    """

    message: bytes
    steps: tuple[Step, ...] = ()
    mode: str = "drop"
    socket: str = "main"

    def with_steps(self, steps: tuple[Step, ...]) -> Case:
        """The same message with other steps."""
        return replace(self, steps=steps)

    def with_message(self, message: bytes) -> Case:
        """The same steps on another message."""
        return replace(self, message=message)

    def as_json(self) -> dict[str, object]:
        """For a file; ``from_json`` reads it."""
        return {
            "message": base64.b64encode(self.message).decode("ascii"),
            "steps": [list(step) for step in self.steps],
            "mode": self.mode,
            "socket": self.socket,
        }


@dataclass(frozen=True)
class Played:
    """
    What one side did with a case.

    Attributes:
        reached: False when the message was dropped before the script.
        answers: One for each step; fewer when the server crashed.
        forwarded: The datagrams that went on.
        replies: The datagrams that went back.
        crashed_at: How many steps were answered before the server crashed or hung; None when it did not.
    """

    reached: bool
    answers: tuple[Answer, ...] = ()
    forwarded: tuple[bytes, ...] = ()
    replies: tuple[bytes, ...] = ()
    crashed_at: int | None = None


LIVES = "ours lives"
"""The fact that counts whatever the real Kamailio does: no call of ours ends it."""


@dataclass(frozen=True)
class Difference:
    """
    One fact on which the two sides disagree.

    Attributes:
        fact: The number of a step, or ``reached``, ``forwarded``, ``reply`` or ``ours lives``.
        expected: What the real Kamailio gave.
        got: What ours gave.
    """

    fact: int | str
    expected: object
    got: object


def from_json(value: dict[str, object]) -> Case:
    """The case that ``Case.as_json`` wrote."""
    steps = value["steps"]
    assert isinstance(steps, list)
    return Case(
        base64.b64decode(str(value["message"])),
        tuple(tuple(step) for step in steps),
        str(value["mode"]),
        str(value["socket"]),
    )


def read_finding(path: Path) -> tuple[str, Case]:
    """
    The mode and the case of a finding that was kept.

    Raises:
        ValueError: The file is not there, or is none.
    """
    try:
        value: dict[str, object] = json.loads(path.read_text("utf-8"))
        return str(value["mode_of_ours"]), from_json(value)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path}: expected a finding that make compare kept: {error!r}") from None


def _until_not_asked(expected: Played, got: Played) -> tuple[Played, Played]:
    """Both plays, up to a function that only ours could call: it may have changed what comes behind it."""
    for number, pair in enumerate(zip(expected.answers, got.answers, strict=False)):
        if pair[0] == NOT_ASKED and pair[1] not in {NOT_ASKED, MODF_CANNOT_RUN}:
            cut = [replace(side, answers=side.answers[:number], forwarded=(), replies=()) for side in (expected, got)]
            return cut[0], cut[1]
    return expected, got


def compare(expected: Played, got: Played) -> tuple[int, list[Difference]]:
    """How many facts two plays of one case have, and those that differ. A fact that only a crash hid is none."""
    if expected.crashed_at is None and expected.reached != got.reached:
        return 1, [Difference("reached", expected.reached, got.reached)]
    expected, got = _until_not_asked(expected, got)
    pairs: list[tuple[int | str, object, object]] = [
        (number, *pair)
        for number, pair in enumerate(zip(expected.answers, got.answers, strict=False))
        if NOT_ASKED not in pair
    ]
    if got.crashed_at is not None:
        pairs.append((LIVES, True, False))
    if expected.crashed_at is None:
        pairs.append(("reached", expected.reached, got.reached))
        if expected.forwarded or got.forwarded:
            pairs.append(("forwarded", expected.forwarded, got.forwarded))
        if expected.replies or got.replies:
            pairs.append(("reply", expected.replies, got.replies))
    return len(pairs), [Difference(*pair) for pair in pairs if pair[1] != pair[2]]
