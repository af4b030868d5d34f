"""
One call of a function that Kamailio exports to scripting languages, with KEMI's own results: ``KSR.tm.t_relay()``.

Standard library only: it is imported by the Python that Kamailio embeds, at the first ``KSR`` of a process. Facts are
of modules/app_python3/apy_kemi.c of 5.6.3 and 6.0.1. Must let no exception but ``CallRefused`` out, and must call no
function that was not looked at (``runner.reviewed``) nor one with arguments that end the server (``ksr_guards``).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.errors import CallRefused, RunnerError
from runner.hosts.expressions import is_too_deep
from runner.hosts.foreseen import KSR_READS
from runner.printable import ended_record
from runner.reviewed import refusal

from . import guards, kemi, ksr_bytes, ksr_guards, names
from .functions import CannotRun, exporters, run
from .texts import is_utf8
from .variables import SMALL, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .host import KamailioHost

Value = str | int | bool | None

_KINDS = {"i": "a number", "l": "a number", "s": "a text"}
_BITS = {"i": 31, "l": 63}  # beside the sign
_OF_OTHER_MODULES = {"kx": "kemix", "pvx": "pv"}  # KSR has another name for them than loadmodule
_OF_FILES = {file: module for module, file in _OF_OTHER_MODULES.items()}
_LOGS = frozenset({"crit", "dbg", "err", "info", "log", "notice", "warn"})
_LONGEST_WITH_VARIABLES = 64 * 1024  # characters; no message of UDP is longer
_MOST_UNENDED = 128 * 1024  # characters behind each `$` of a text that does not end, together: 0.1 s
plain: dict[str, tuple[Callable[[], Any], bool, Any]] = {}
"""
Functions that only read, take nothing, and were called before: ``KamailioHost.ksr`` calls them itself. Each with
whether False is no result of it, and the ``KSR`` that has it. As many as ``KSR_READS`` has.
"""
_known: kemi.Kemi | str | None = None  # of this process; a text is why it cannot be read


class _Copy(str):
    """
    A text of its own, which the function may write to.

    Some do (modules/counters/counters.c, ki_cnt_add), and Python has one object for many texts that are equal.
    """

    __slots__ = ()


class _Function(NamedTuple):
    """What is known of one function."""

    call: Callable[..., Any]
    parameters: str
    result: str
    guard: ksr_guards.Guard | None
    is_log: bool
    """Whether its last argument is a text for the log."""


def call(function: str, arguments: Sequence[str | int | bool], host: KamailioHost, allowed: frozenset[str]) -> Value:
    """
    Call a function.

    Args:
        function: Its module, a dot and its name; the name alone for what stands directly under ``KSR``.
        arguments: As many as it takes, of its types; bytes that are no UTF-8 are lone surrogates.
        host: Whose message it is.
        allowed: The setting ``ksr_allow``.

    Raises:
        CallRefused: It was not called, or its result is none that a script can have; the text is a sentence.
    """
    own = ksr_bytes.FUNCTIONS.get(function)
    if own is not None:
        _check(function, own.parameters, arguments)
        value: Value = own.call(host, *arguments)
        return value
    row = _function(function, host.binding, allowed)
    if arguments or row.parameters:
        _check(function, row.parameters, arguments)
        if row.is_log:
            arguments = [*arguments[:-1], ended_record(str(arguments[-1]))]
        for argument in arguments:
            if type(argument) is str:
                _check_text(function, argument, host)
        arguments = [_Copy(argument) if type(argument) is str else argument for argument in arguments]
    host.uri = None
    if not host.is_parsed:
        # An edit of a header that is parsed only afterwards (Content-Length) ends the server: replace_all and then
        # fix_nated_sdp. A routing script has parsed them all, as a rule.
        host.pv.get("$msg(hdrc)")
        host.is_parsed = True
    if row.guard is not None:
        row.guard(host, *arguments)
    instead = _INSTEAD.get(function)
    try:
        value = row.call(*arguments) if instead is None else instead(host, row.call, *arguments)
    except CannotRun as error:
        raise CallRefused(f"KSR.{function} was not called: {error}") from error
    except UnicodeDecodeError:
        raise CallRefused(f"the result of KSR.{function} is not UTF-8") from None
    except (SystemError, TypeError, ValueError, UnicodeEncodeError) as error:
        raise CallRefused(f"KSR.{function} does not take these arguments: {error}") from error
    if row.result == "none":
        return None
    if row.result == "value":
        if value is False:  # Kamailio 6, for what is not UTF-8, and for lists
            raise CallRefused(f"the result of KSR.{function} is a list, or is not UTF-8")
        if value is not None and type(value) not in {str, int, bool}:
            raise CallRefused(f"the result of KSR.{function} is a list, which C# cannot have")
    if not row.parameters and row.guard is None and instead is None and function in KSR_READS:
        plain[function] = row.call, row.result == "value", host.binding
    return value


def modf(name: str, arguments: Sequence[str], host: KamailioHost, allowed: frozenset[str]) -> int:
    """
    Call what is a function of the routing script by the KEMI function of the same name.

    ``call_function`` of app_python3 would leak about 400 bytes of Kamailio's private memory a call.

    Args:
        name: Its name in kamailio.cfg.
        arguments: As many as it takes; numbers as texts.
        host: As in ``call``.
        allowed: As in ``call``.

    Returns:
        The function's own value; 1 or -1 for true and false.

    Raises:
        RunnerError: It was not called; the text is a sentence.
    """
    function, parameters = _counterpart(name, len(arguments))
    try:
        given = [text if kind == "s" else int(text) for kind, text in zip(parameters, arguments, strict=True)]
    except ValueError:
        raise CallRefused(f"a number is expected among {[text[:20] for text in arguments]!a}") from None
    value = call(function, given, host, allowed)
    if type(value) is bool:
        return 1 if value else -1
    if type(value) is not int:
        raise CallRefused("it gives no number")
    return value


@functools.lru_cache(maxsize=256)
def _counterpart(name: str, count: int) -> tuple[str, str]:
    """The KEMI function of a function of the routing script, and its parameters."""
    for file in exporters(name):
        module = _OF_FILES.get(file, file)
        signature = _kemi().signature(module, name)
        if signature is not None and len(signature.parameters) == count:
            return f"{module}.{name}", signature.parameters
    raise CallRefused(f"no loaded module has a KEMI function of that name that takes {_count(count)}")


def why_missing(function: str, modules: dict[str, int]) -> str:
    """The sentence for a function that this Kamailio does not have."""
    module, _, name = function.rpartition(".")
    if not module or module in modules:
        return f"this Kamailio's {module or 'core'} has no function {name}"
    file = _OF_OTHER_MODULES.get(module, module)
    return f'KSR.{function} is not there: add loadmodule "{file}.so" to kamailio.cfg'


def _set_buffer(host: KamailioHost, set_buffer: Callable[[str], int], message: str) -> int:
    return host.rebuild(lambda: set_buffer(message), message)


_INSTEAD: dict[str, Callable[..., Any]] = {
    "textops.set_body_multipart_mode": lambda host, _: run("set_body_multipart", host.msg, host.binding),
    "textopsx.msg_apply_changes": lambda host, apply: host.rebuild(apply),
    "textopsx.msg_set_buffer": _set_buffer,
}
"""How a function is called that has to be undone when it breaks the message; is given the function, too."""


@functools.lru_cache(maxsize=2048)
def _function(function: str, ksr: Any, allowed: frozenset[str]) -> _Function:
    reason = refusal(function, allowed)
    if reason is not None:
        raise CallRefused(reason)
    module, _, name = function.rpartition(".")
    # "async" is a word of Python, and no attribute of KSR has a default.
    home = vars(ksr).get(module) if module else ksr
    found = None if home is None else vars(home).get(name)
    table = _kemi()
    signature = None if found is None else table.signature(module, name)
    if found is None or signature is None:
        raise CallRefused(why_missing(function, table.modules))
    is_log = module == "xlog" or (not module and name in _LOGS)
    return _Function(found, *signature, ksr_guards.guard_of(function), is_log)


def _kemi() -> kemi.Kemi:
    global _known  # noqa: PLW0603  # read once a process
    if _known is None:
        try:
            _known = kemi.Kemi()
        except RunnerError as error:
            _known = f"KSR is off: {error}"
    if isinstance(_known, str):
        raise CallRefused(_known)
    return _known


def _check(function: str, parameters: str, arguments: Sequence[str | int | bool]) -> None:
    if len(parameters) != len(arguments):
        raise CallRefused(f"KSR.{function} takes {_count(len(parameters))}, and {_count(len(arguments))} came")
    for number, (kind, argument) in enumerate(zip(parameters, arguments, strict=True), 1):
        if (kind == "s") != (type(argument) is str):
            raise CallRefused(f"argument {number} of KSR.{function} should be {_KINDS[kind]}")
        if type(argument) is str:
            if "\0" in argument:
                raise CallRefused(f"argument {number} of KSR.{function} has a NUL, which Kamailio cannot take")
        elif not -1 <= int(argument) >> _BITS[kind] <= 0:
            raise CallRefused(f"argument {number} of KSR.{function} does not fit into {_BITS[kind] + 1} bits")


def _count(number: int) -> str:
    return f"{number} argument{'' if number == 1 else 's'}"


def _check_text(function: str, text: str, host: KamailioHost) -> None:
    if not is_utf8(text):
        raise CallRefused(f"KSR.{function} takes UTF-8 alone; only pv and hdr take other bytes")
    if len(text) > SMALL and not host.may_write("", text):
        raise CallRefused("an exec gave Kamailio more text than fits into a server")
    if is_too_deep(text):
        raise CallRefused("a text that may be a regular expression has too many brackets or repetitions")
    if "$" in text:
        check_variables(text, host)


def check_variables(text: str, host: KamailioHost) -> None:
    """
    Look at the variables in a text, whether Kamailio evaluates it or not: most functions do with some texts.

    Raises:
        CallRefused: One must not be evaluated, see ``guards``.
    """
    if len(text) > _LONGEST_WITH_VARIABLES:
        raise CallRefused(f"a text with a $ has at most {_LONGEST_WITH_VARIABLES} characters")
    unended = 0
    for name, is_one in names.within(text):
        unended += 0 if is_one else len(name)
        if unended > _MOST_UNENDED:
            raise CallRefused("too many variables in a text do not end")
        if name in harmless or (not is_one and guards.RISKY.search(name) is None):
            continue
        if not is_one or host.asked(name) != name:
            raise CallRefused(f"{name[:80]!a} in a text is not safe for Kamailio to evaluate: read it with KSR.pv.get")
