"""What a script sees of the SIP server: ``from SR import Core, PV, HDR, KSR``.

No call of ``Core``, ``PV`` and ``HDR`` raises for what happens at the server: one that fails gives its error value, and
so does one that belongs to no exec: at load, or on a thread that is older than the exec. An argument that is None gives
the error value, too; one of another type than expected is a ``TypeError``. Texts are ``str``, in which bytes of the
message that are not UTF-8 are lone surrogates U+DC80..U+DCFF, as with ``surrogateescape``.

Each name of app_mono (``PV.GetS``) is here, too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from .calls import Calls, KsrError
from .wire import Lines, Outbox

__all__ = ["HDR", "KSR", "PV", "Core", "KsrError"]

_T = TypeVar("_T")
_CANNOT_RUN = -127
_BITS = 31
_calls = Calls(Lines(-1, 0), Outbox(-1, 0))  # no exec runs; a worker sets another, before any script runs


def _refused(call: str, error_value: _T, *arguments: Any) -> _T:
    """The value of a call that has None as one of its texts.

    Raises:
        TypeError: One of them is something else.
    """
    for argument in arguments:
        if argument is not None and not isinstance(argument, str):
            raise TypeError(f"{call}: expected a text, got {type(argument).__name__}")
    return error_value


def _number(value: Any, call: str, bits: int = _BITS) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{call}: expected a whole number, got {type(value).__name__}")
    if not -1 << bits <= value < 1 << bits:
        raise OverflowError(f"{call}: expected a whole number of {bits + 1} bits, got {value}")
    return int(value)


def _or(answer: Any, error_value: int) -> int:
    return answer if type(answer) is int else error_value


class Core:
    """The server itself: version, log, module functions."""

    @staticmethod
    def api_version() -> str:
        """The version of this interface, "1.0"."""
        return "1.0"

    @staticmethod
    def log(level: int, text: str | None) -> None:
        """Write to the server's log; None writes nothing.

        Args:
            level: -5 alert, -1 error, 0 warning, 1 notice, 2 info, 3 debug.
            text: The text.
        """
        if isinstance(text, str):
            _calls.log(_number(level, "Core.log"), text)
        else:
            _refused("Core.log", None, text)

    @staticmethod
    def err(text: str | None) -> None:
        """Write an error (level -1) to the server's log; None writes nothing."""
        Core.log(-1, text)

    @staticmethod
    def dbg(text: str | None) -> None:
        """Write a debug message (level 3) to the server's log; None writes nothing."""
        Core.log(3, text)

    @staticmethod
    def mod_f(name: str | None, *arguments: str | int | None) -> int:
        """Call a function of a server module, by its name in the routing script.

        Returns:
            The function's own value; -127 when it cannot be called, or the name or an argument is None.
        """
        given = [str(each) if type(each) is int else each for each in (name, *arguments)]
        texts = [each for each in given if isinstance(each, str)]
        if len(texts) < len(given):
            return _refused("Core.mod_f", _CANNOT_RUN, *given)
        return _or(_calls.command("Core.ModF", *texts), _CANNOT_RUN)

    APIVersion = api_version
    Log, Err, Dbg, ModF = log, err, dbg, mod_f


class PV:
    """Pseudo-variables, by the names of the routing script, for example ``$ru``."""

    @staticmethod
    def get(name: str | None) -> str | None:
        """The value as text; None when the value is null, or the name is bad or None."""
        if not isinstance(name, str):
            return _refused("PV.get", None, name)
        value = _calls.read("PV.GetS", name)
        return value if type(value) is str else None

    @staticmethod
    def get_i(name: str | None) -> int:
        """The value of a variable of integer type; 0 for everything else."""
        return _or(_calls.read("PV.GetI", name), 0) if isinstance(name, str) else _refused("PV.get_i", 0, name)

    @staticmethod
    def set_s(name: str | None, value: str | None) -> int:
        """Assign a text: 0; -1 when it could not be assigned or an argument is None."""
        if not isinstance(name, str) or not isinstance(value, str):
            return _refused("PV.set_s", -1, name, value)
        answer = _calls.edit("PV.SetS", name, value, name, value)
        return answer if type(answer) is int else -1

    @staticmethod
    def set_i(name: str | None, value: int) -> int:
        """Assign a number of 32 bits: 0; -1 when it could not be assigned or the name is None."""
        value = _number(value, "PV.set_i")
        if not isinstance(name, str):
            return _refused("PV.set_i", -1, name)
        return _or(_calls.edit("PV.SetI", name, value, name, value), -1)

    @staticmethod
    def unset(name: str | None) -> int:
        """Assign null: 0; -1 when the variable cannot be unset or the name is None."""
        return _or(_calls.command("PV.Unset", name), -1) if isinstance(name, str) else _refused("PV.unset", -1, name)

    @staticmethod
    def is_null(name: str | None) -> int:
        """1 when the value is null, 0 when it is not, -1 when the name is bad or None."""
        return _or(_calls.read("PV.IsNull", name), -1) if isinstance(name, str) else _refused("PV.is_null", -1, name)

    get_s = GetS = get
    GetI, SetS, SetI, Unset, IsNull = get_i, set_s, set_i, unset, is_null


def _edit_headers(call: str, text: str | None) -> int:
    return _or(_calls.edit(call, "", text, text), -1) if isinstance(text, str) else _refused(call, -1, text)


class HDR:
    """Headers of the message, as raw text that ends with CRLF."""

    @staticmethod
    def append(text: str | None) -> int:
        """Add a header after the last one: 0; -1 when it cannot be added or the text is None."""
        return _edit_headers("HDR.Append", text)

    @staticmethod
    def remove(name: str | None) -> int:
        """Remove every header of that name: 0, also when there is none; -1 when they cannot be removed."""
        return _edit_headers("HDR.Remove", name)

    @staticmethod
    def insert(text: str | None) -> int:
        """Add a header after the first one: 0; -1 when it cannot be added or the text is None."""
        return _edit_headers("HDR.Insert", text)

    @staticmethod
    def append_to_reply(text: str | None) -> int:
        """Add a header to the reply that the server will send: 0; -1 when it cannot be added or the text is None."""
        return _edit_headers("HDR.AppendToReply", text)

    Append, Remove, Insert, AppendToReply = append, remove, insert, append_to_reply


class _Function:
    """A function of KEMI, or the module that has it: ``KSR.tm``, ``KSR.tm.t_relay``."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> _Function:
        if name.startswith("__"):
            raise AttributeError(name)
        found = _Function(f"{self.__name__}.{name}")
        self.__dict__[name] = found
        return found

    def __call__(self, *arguments: str | int) -> Any:
        """Call it.

        Returns:
            A text, a number, a truth value or None, as Kamailio's documentation says.

        Raises:
            KsrError: Kamailio did not call it; the message says why.
        """
        for place, argument in enumerate(arguments, 1):
            where = f"KSR.{self.__name__}"
            if argument is None:
                raise KsrError(f"{where}: expected a text as argument {place}, got None")
            if not isinstance(argument, bool) and not isinstance(argument, str):
                _number(argument, where, 63)
        return _calls.ksr(self.__name__, arguments)

    def __repr__(self) -> str:
        return f"<KSR.{self.__name__}>"


class _X:
    """``KSR.x``: the end of the script."""

    @staticmethod
    def exit() -> None:
        """End the script, from any depth of calls, and with it the routing of the message."""
        _calls.leave(drops=False)

    @staticmethod
    def drop() -> None:
        """As ``exit``, and the message is dropped: a reply or a branch is not sent on."""
        _calls.leave(drops=True)

    @staticmethod
    def modf(*_: Any) -> None:
        """Crashes Kamailio, so it cannot be called.

        Raises:
            KsrError: Always.
        """
        raise KsrError("KSR.x.modf crashes Kamailio: call KSR.module.function(...), or Core.mod_f(name, arguments)")


class _Ksr:
    """All that Kamailio exports to scripting languages (KEMI): ``KSR.tm.t_relay()``."""

    x = _X

    def __getattr__(self, name: str) -> _Function:
        if name.startswith("__"):
            raise AttributeError(name)
        found = _Function(name)
        self.__dict__[name] = found
        return found


KSR = _Ksr()
