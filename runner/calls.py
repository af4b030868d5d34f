"""
The calls that a script can make to its host, as a table, and the ``Host`` protocol that answers them.

Must not know where a call comes from: the wire, a test and a benchmark look the same from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

API_VERSION = "1.0"  # app_mono_api.c, sr_mono_api_version

# Kamailio's log levels (core/dprint.h): L_ALERT .. L_DBG.
LOG_LEVELS = {
    -5: "alert",
    -4: "bug",
    -3: "crit2",
    -2: "crit",
    -1: "error",
    0: "warning",
    1: "notice",
    2: "info",
    3: "debug",
}

MODF_CANNOT_RUN = -127  # app_mono_api.c, sr_mono_modf: no message, no such function, or it takes parameters
MOST_ARGUMENTS = 6  # core/kemi.h, SR_KEMI_PARAMS_MAX
FAILED = -1  # the error value of every setter, Unset, IsNull and the HDR calls


class Host(Protocol):
    """
    The owner of the SIP message, which answers the script's calls.

    Every text is ``str``; bytes that are not UTF-8 are lone surrogates U+DC80..U+DCFF (PEP 383), both ways, so
    ``text.encode("utf-8", "surrogateescape")`` gives the bytes of the message. A method that cannot do what was asked
    returns the call's error value; it raises ``CallRefused`` only to decline the call as such. Methods are called one
    at a time, from the thread that runs the exec.
    """

    def log(self, level: int, text: str) -> None:
        """``Core.Log``: write one log message; ``level`` as in ``LOG_LEVELS``, other numbers are allowed."""

    def modf(self, function: str, *arguments: str) -> int:
        """``Core.ModF``: call a module function; its own value, or ``MODF_CANNOT_RUN``."""

    def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
        """
        Call a function of Kamailio's KEMI, for example ``tm.t_relay``.

        Args:
            function: Its name without ``KSR.``.
            arguments: As the script gave them; whether they are the right ones is for the host to say.

        Raises:
            CallRefused: It was not called; the text is a sentence for the script's author.
        """

    def get_s(self, name: str) -> str | None:
        """``PV.GetS``: the value of a pseudo-variable as text; None when it is null or the name is bad."""

    def get_i(self, name: str) -> int:
        """``PV.GetI``: the value of a pseudo-variable of integer type; 0 for everything else."""

    def set_s(self, name: str, value: str) -> int:
        """``PV.SetS``: 0 when assigned, -1 when not."""

    def set_i(self, name: str, value: int) -> int:
        """``PV.SetI``: 0 when assigned, -1 when not."""

    def unset(self, name: str) -> int:
        """``PV.Unset``: assign null; 0 when done, -1 when not."""

    def is_null(self, name: str) -> int:
        """``PV.IsNull``: 1 when the value is null, 0 when it is not, -1 when the name is bad."""

    def hdr_append(self, text: str) -> int:
        """``HDR.Append``: raw text, CRLF included, after the last header; 0 or -1."""

    def hdr_remove(self, name: str) -> int:
        """``HDR.Remove``: every header of that name; 0 or -1."""

    def hdr_insert(self, text: str) -> int:
        """``HDR.Insert``: raw text, CRLF included, after the *first* header, as app_mono does; 0 or -1."""

    def hdr_append_to_reply(self, text: str) -> int:
        """``HDR.AppendToReply``: raw text, CRLF included, into the reply made later; 0 or -1."""

    def expand(self, text: str) -> str:
        """
        Replace the host's variables in a path or parameter of ``mono_exec`` by their values.

        A host whose routing language has already expanded the text returns it unchanged, and every host a text of ASCII
        without ``$`` and NUL, for which it need not be asked.

        Raises:
            ConfigError: The text is not a valid format string.
        """


class Foreseen(Protocol):
    """
    What a ``Host`` may also say, so that calls need no turn of their own.

    It says which values can be sent with an exec, and which edits cannot fail. Without it, the host answers every call
    when it comes. Group names are the host's own: an edit of a group changes the values of that group and no others.
    The group "" is changed by no edit that this host calls certain.
    """

    def depends_on(self, call: str, name: str) -> str | None:
        """
        The group of what a call reads; None if it is volatile, expensive or unknown, and so is never sent ahead.

        Args:
            call: A name of ``CALLS``, or a function of KEMI that takes nothing or one text.
            name: The variable, or the text; empty for a function that takes nothing.
        """

    def changes(self, call: str, target: str) -> tuple[str, str] | None:
        """
        The group that an edit changes, and the texts with which it cannot fail: ``any`` or ``word``.

        A ``word`` consists of ``[A-Za-z0-9+*#._-]``. Neither kind is empty, or contains a NUL or a surrogate that
        stands for no byte. None: this edit may fail. ``target`` is the variable, empty for headers.
        """

    def is_always_certain(self, call: str, target: str) -> bool:
        """Whether an edit for which ``changes`` has an answer cannot fail on any message."""

    def is_certain(self, call: str, target: str) -> bool:
        """Whether any other such edit cannot fail on this message, as it was received."""


class Traced(Protocol):
    """
    What a ``Host`` that offers nothing to send ahead may want: to know where in the script each call is made.

    An exec with such a host is traced, where its worker can.
    """

    def called_from(self, file: str, line: int) -> None:
        """The next call is made in this line; a call of which that is not known comes without."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row of the table: how a call travels and what it means when it fails."""

    name: str
    """The C# name, which is also the name on the wire, for example ``PV.GetS``."""
    method: str
    """The method of ``Host`` that answers it."""
    parameters: tuple[type, ...]
    """The types of its arguments; none of them is ever null on the wire."""
    error_value: Any
    """What the script gets when the call is refused: None, a number, or nothing for a notice."""
    is_notice: bool = False
    """True when the script does not wait for an answer."""
    has_target: bool = False
    """True when its first argument names a variable, or a function of KEMI."""
    is_edit: bool = False
    """True when it may change the message or a variable; an exec with such a call is never repeated."""
    more: frozenset[type] = frozenset()
    """The types of ``MOST_ARGUMENTS`` more values at most: further arguments, or what a last one that is a list has."""

    def takes(self, args: Sequence[Any]) -> bool:
        """Whether these can be its arguments."""
        kinds, expected = tuple(map(type, args)), len(self.parameters)
        is_list = list in self.parameters
        if kinds[:expected] != self.parameters or (is_list and len(args) > expected):
            return False
        more = args[-1] if is_list else args[expected:]
        return len(more) <= MOST_ARGUMENTS and self.more.issuperset(map(type, more))


CALLS: dict[str, Call] = {
    call.name: call
    for call in (
        Call("Core.Log", "log", (int, str), None, is_notice=True),
        Call("Core.ModF", "modf", (str,), MODF_CANNOT_RUN, is_edit=True, more=frozenset({str})),
        Call("KSR", "ksr", (str, list), None, has_target=True, is_edit=True, more=frozenset({str, int, bool})),
        Call("PV.GetS", "get_s", (str,), None, has_target=True),
        Call("PV.GetI", "get_i", (str,), 0, has_target=True),
        Call("PV.SetS", "set_s", (str, str), FAILED, has_target=True, is_edit=True),
        Call("PV.SetI", "set_i", (str, int), FAILED, has_target=True, is_edit=True),
        Call("PV.Unset", "unset", (str,), FAILED, has_target=True, is_edit=True),
        Call("PV.IsNull", "is_null", (str,), FAILED, has_target=True),
        Call("HDR.Append", "hdr_append", (str,), FAILED, is_edit=True),
        Call("HDR.Remove", "hdr_remove", (str,), FAILED, is_edit=True),
        Call("HDR.Insert", "hdr_insert", (str,), FAILED, is_edit=True),
        Call("HDR.AppendToReply", "hdr_append_to_reply", (str,), FAILED, is_edit=True),
    )
}
"""What a host answers. ``Core.APIVersion``, ``Core.Err`` and ``Core.Dbg`` do not: SR.dll answers or maps them."""

KSR_EDITS = {
    "pv.sets": "PV.SetS",
    "pv.seti": "PV.SetI",
    "hdr.append": "HDR.Append",
    "hdr.append_to_reply": "HDR.AppendToReply",
}
"""Functions of KEMI that make the same edit as another call, with the same certainty. bridge/Calls.cs has them, too."""

KSR_NAMING = {
    name: at
    for at, names in {
        0: "tm.t_on_branch tm.t_on_branch_failure tm.t_on_failure tm.t_on_reply async.ms_route async.route"
        " async.task_data async.task_group_data async.task_group_route async.task_route",
        1: "http_async_client.query",
        2: "siprepo.sr_msg_pull tmx.t_continue",
        3: "siprepo.sr_msg_async_pull",
    }.items()
    for name in names.split()
}
"""Functions of KEMI that name an entry, which Kamailio calls later, and which of their arguments that is."""

FIND = Call("Helper.Find", "", (str,), None)
"""The bridge's own question for an assembly beside the script that the script loads by name. No host answers it."""

QUESTIONS = CALLS | {FIND.name: FIND}
"""Everything that a worker may ask on the wire."""
