"""
The calls of a script on the message of a running Kamailio, through KSR, with app_mono's values instead of KEMI's.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of Kamailio 5.6.3: core/kemi.c,
modules/app_mono/app_mono_api.c, modules/app_python3/python_msgobj.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runner.calls import FAILED, MODF_CANNOT_RUN
from runner.errors import CallRefused, RunnerError
from runner.hosts import foreseen

from . import functions
from .texts import is_utf8, until_nul
from .variables import DONE, FROM_HEXA, SMALL, Variables, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The name of the first header; $msg(lpart) begins there, and has no value where a header does not parse.
_FIRST_HEADER = "$(msg(lpart){s.select,0,:}{s.trim})"
# search_append looks from the end of the first line on; with blanks before that line, from as many bytes earlier.
_AFTER_FIRST_HEADER = "^(.|\n){%d}[^\n]*\n([ \t][^\n]*\n)*"
_MOST_BLANKS = 1000  # Kamailio's time and memory for that expression grow with them
_LONGEST_URI = 512  # with a new user of 256 it fits into what core/action.c allows a URI, MAX_URI_SIZE of 1024
_LONGEST_NAME_BYTES = 124  # core/kemi.c, sr_kemi_hdr_remove
_LONGEST_PRINTED = 8000  # core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE is 8192
_REPLY = 2  # $mt
_STATUS_LINE = re.compile(r"[ \t\r\n]*SIP/2\.0 [0-9]{3} [^\r\n]*\r?\n", re.IGNORECASE)  # core/parser/parse_fline.c
_NO_ARGUMENT = re.compile("[\0\ud800-\udfff]")  # what KSR takes in no text


_NOT_PLAIN = (None, True, None)
_ksr: Any = None  # the module of that name, where a script called KSR


def _import_ksr() -> Any:
    global _ksr  # noqa: PLW0603  # imported once a process
    from . import ksr  # noqa: PLC0415  # ctypes and tables only where they are needed

    _ksr = ksr
    return ksr


class KamailioHost(Variables):
    """
    A ``Host`` over the message that Kamailio is working on.

    Args:
        msg: The message object of app_python3, valid until the exec ends; ``ModF`` needs it. None where Kamailio has
            none (app_python3s): ``ModF`` then gives -127.
        ksr: Kamailio's module ``KSR``.
        ksr_allow: The setting of that name.
    """

    __slots__ = ("_ksr_allow", "is_parsed", "iterators")

    def __init__(self, msg: Any, ksr: Any, ksr_allow: frozenset[str] = frozenset()) -> None:
        super().__init__(msg, ksr)
        self._ksr_allow = ksr_allow
        self.is_parsed = False  # whether KSR has had every header of the message parsed
        self.iterators: set[str] = set()  # those of KSR that were started on the message as it is now

    def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
        """As ``runner.calls.Host``, see the module ``ksr``."""
        ksr = _ksr or _import_ksr()
        try:
            if not arguments:
                read, is_never_false, binding = ksr.plain.get(function, _NOT_PLAIN)
                if binding is self.binding:
                    value: str | int | bool | None = read()
                    if value is not False or not is_never_false:
                        return value
            elif function == "pv.get" and len(arguments) == 1 and arguments[0] in harmless:
                value = self.pv.get(arguments[0])
                if value is not False:
                    return value
        except (UnicodeError, SystemError, TypeError, ValueError):
            pass  # what is not usual is found out below
        try:
            result: str | int | bool | None = ksr.call(function, arguments, self, self._ksr_allow)
        except CallRefused:
            raise
        except RunnerError as error:  # of the tables of this Kamailio
            raise CallRefused(f"KSR.{function} was not called: {error}") from error
        self.called(function, arguments, result)
        return result

    def called(self, function: str, arguments: Sequence[str | int | bool], value: object) -> None:
        """For who wants to know what ``ksr`` and ``modf`` did; functions that only read need not be named."""

    def modf(self, function: str, *arguments: str) -> int:
        """Only what is known to be safe, see ``functions``; any other name is logged, once a process."""
        self.uri = None
        name = until_nul(function)
        try:
            if arguments:
                value: int = (_ksr or _import_ksr()).modf(name, arguments, self, self._ksr_allow)
            elif name == "msg_apply_changes":
                value = self.rebuild(lambda: functions.run(name, self.msg, self.binding))
            else:
                value = functions.run(name, self.msg, self.binding)
        except RunnerError as error:
            self.log_once(name, f"ModF cannot run {name[:80]!a}: {error}")
            return MODF_CANNOT_RUN
        self.called(name, arguments, value)
        return value

    def hdr_append(self, text: str) -> int:
        """After the last header."""
        if len(text) > SMALL and not self.may_write("", text):
            return FAILED
        if not text.isascii() or "\0" in text:
            text = until_nul(text)
            if not is_utf8(text):
                return self.add_bytes("append_hf", text)
        return DONE if self.hdr.append(text) == 1 else FAILED

    def hdr_remove(self, name: str) -> int:
        """An invalid name removes nothing, which is a failure only when the headers do not parse."""
        name = until_nul(name)
        if is_utf8(name) and self.hdr.remove(name) == 1:
            return DONE
        is_too_long = len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES
        return FAILED if is_too_long or self.pv.get("$msg(hdrc)") is None else DONE

    def hdr_insert(self, text: str) -> int:
        """
        After the first header, where app_mono writes; ``KSR.hdr.insert`` writes before it.

        Bytes that are not UTF-8 give -1: no function of Kamailio takes them at this place.
        """
        text = until_nul(text)
        if not is_utf8(text) or (len(text) > SMALL and not self.may_write("", text)):
            return FAILED
        try:
            first = self.pv.get(_FIRST_HEADER)
        except UnicodeDecodeError:
            first = None
        if type(first) is str and self.hdr.append_after(text, first) == 1:
            return DONE
        # Another header does not parse, which append_after minds and app_mono's Insert does not.
        textops, message = getattr(self.binding, "textops", None), self.get_s("$mb") or ""
        blanks = len(message) - len(message.lstrip(" \t\r\n\0"))  # core/parser/msg_parser.c, parse_msg
        if textops is None or blanks > _MOST_BLANKS:
            return FAILED
        return DONE if textops.search_append(_AFTER_FIRST_HEADER % blanks, text) == 1 else FAILED

    def hdr_append_to_reply(self, text: str) -> int:
        """Into the reply made later."""
        if len(text) > SMALL and not self.may_write("", text):
            return FAILED
        if not text.isascii() or "\0" in text:
            text = until_nul(text)
            if not is_utf8(text):
                return self.add_bytes("append_to_reply", text)
        return DONE if self.hdr.append_to_reply(text) == 1 else FAILED

    depends_on = staticmethod(foreseen.depends_on)
    changes = staticmethod(foreseen.changes)

    def is_always_certain(self, call: str, target: str) -> bool:
        """As ``runner.calls.Foreseen``; a name that was never asked for may find no room."""
        return foreseen.is_always_certain(call, target) and (not target or target in harmless)

    def is_certain(self, call: str, target: str) -> bool:
        """As ``runner.calls.Foreseen``; what is left out here is asked for, as before."""
        if target == "$rU":
            # Nearly always $ru was read just now, to be sent along.
            uri = self.uri or self.get_s("$ru") or ""
            # Kamailio's own parser has a host where the R-URI parses, and only then.
            is_sip = uri.startswith(("sip:", "sips:")) and len(uri) <= _LONGEST_URI and uri.isascii()
            return is_sip and bool(self.pv.get("$rd"))
        if call in {"HDR.Append", "HDR.Remove"}:
            return self.pv.get("$msg(hdrc)") is not None
        return self.is_always_certain(call, target)

    def expand(self, text: str) -> str:
        """The text unchanged: Kamailio expanded it before the call."""
        return text

    def rebuild(self, run: Callable[[], int], message: str | None = None) -> int:
        """
        Run ``msg_apply_changes`` or ``msg_set_buffer``; a message that this breaks is put back, which gives -1.

        Args:
            run: Runs it.
            message: What the message will be; None for what its changes make of it.

        The functions give 0 for "no longer safe" (core/msg_translator.c, sip_msg_update_buffer), which ends a routing
        script in kamailio.cfg but not ours, and say nothing of a Via that is gone. Both crash whatever comes next.
        """
        before, uri, kind = self.get_s("$mb"), self.get_s("$ru"), self.pv.get("$mt")
        # In a route for replies nothing else can be put back (sip_msg_apply_changes, ki_msg_set_buffer). Changes leave
        # the status line one (ksr_guards); a look at $mbu would change the Content-Length of a new body once more.
        if kind == _REPLY and message is not None and _STATUS_LINE.match(message) is None:
            self.log_once("msg_apply_changes", "a script would have made something else of a reply, which was left")
            return FAILED
        self.changed()
        value = run()
        # One that has a Via then has From, To, Call-ID and CSeq as well, or no header that does not parse. The last one
        # parses the Content-Type as well, which the function has forgotten, also where it failed.
        is_whole = functions.may_be_built(self.binding) and value > 0 and not self.pv.is_null("$sel(via)")
        is_whole = is_whole and self.pv.get("$mt") == kind
        if value < 0 or is_whole:
            return value
        self.log_once("msg_apply_changes", "a script would have broken a message, which was left as it was")
        self._put_back(before or "")
        functions.may_be_built(self.binding)
        if uri is not None and self.get_s("$ru") != uri:
            self.set_s("$ru", uri)
        return FAILED

    def changed(self) -> None:
        """The message may be built again: it has to be parsed again, and iterators have no place in it."""
        self.iterators.clear()
        self.is_parsed = False

    def _put_back(self, message: str) -> None:
        if _NO_ARGUMENT.search(message) is None:
            self.binding.textopsx.msg_set_buffer(message)
        elif len(message) <= _LONGEST_PRINTED and self.hand_over(message):
            self.msg.call_function("msg_set_buffer", FROM_HEXA)
        else:
            # Longer than what Kamailio prints at once; a few wrong letters are better than no server.
            self.binding.textopsx.msg_set_buffer(_NO_ARGUMENT.sub("?", message))

    def add_bytes(self, function: str, text: str, *more: str) -> int:
        """A header that is not UTF-8, by module textops. Each costs Kamailio a few bytes that it never frees."""
        if not self.hand_over(text):
            return FAILED
        try:
            return DONE if self.msg.call_function(function, FROM_HEXA, *more) == 1 else FAILED
        except (RuntimeError, AttributeError):
            return FAILED
