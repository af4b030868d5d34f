"""
The calls of a script on the message of a running Kamailio, through KSR, with app_mono's values instead of KEMI's.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of Kamailio 5.6.3: core/kemi.c,
modules/app_mono/app_mono_api.c, modules/app_python3/python_msgobj.c, modules/pv/pv.c.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from typing import Any

from runner.calls import FAILED, MODF_CANNOT_RUN
from runner.errors import CallRefused, RunnerError
from runner.hosts import foreseen
from runner.printable import ended_record

from . import bounds, functions, guards, names
from .texts import is_utf8, until_nul

DONE = 0
_LEVELS = {-1: "err", 0: "warn", 1: "notice", 2: "info", 3: "dbg"}
_DEBUG = 3
_LEAST_INT, _MOST_INT = -0x80000000, 0x7FFFFFFF  # Kamailio 6 has longer numbers, C# has these

# The name of the first header; $msg(lpart) begins there, and has no value where a header does not parse.
_FIRST_HEADER = "$(msg(lpart){s.select,0,:}{s.trim})"
# search_append looks from the end of the first line on; with blanks before that line, from as many bytes earlier.
_AFTER_FIRST_HEADER = "^(.|\n){%d}[^\n]*\n([ \t][^\n]*\n)*"
_MOST_BLANKS = 1000  # Kamailio's time and memory for that expression grow with them

# Variables of this module; a script that reads them sees what the last slow call left.
_TEXT = "$var(app_mono_text)"
_HEXA = "$var(app_mono_hexa)"
_FROM_HEXA = "$(var(app_mono_hexa){s.decode.hexa})"
_LONGEST_URI = 512  # with a new user of 256 it fits into what core/action.c allows a URI, MAX_URI_SIZE of 1024
_R_URI = ("$r", "$(r")  # how the names of its parts begin
_LONGEST_NAME_BYTES = 124  # core/kemi.c, sr_kemi_hdr_remove
_LONGEST_PRINTED = 8000  # core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE is 8192
_NO_ARGUMENT = re.compile("[\0\ud800-\udfff]")  # what KSR takes in no text
_CHUNK_BYTES = 48000  # {s.encode.base64} takes three quarters of its buffer of 65536 bytes

_SMALL = bounds.SMALL
_MOST_LOGGED = 100  # refused names that are in the log; a script may make up any number
_logged: set[str] = set()
_private = bounds.of_this_process()
_names = bounds.Names(_private)
_harmless = _names.harmless  # in these the guards found nothing
_values = bounds.Values(_private)


class KamailioHost:
    """
    A ``Host`` over the message that Kamailio is working on.

    The common case of every call is one call of KSR; what KSR cannot give or accept is handled afterwards.

    Args:
        msg: The message object of app_python3, valid until the exec ends; ``ModF`` needs it. None where Kamailio has
            none (app_python3s): ``ModF`` then gives -127.
        ksr: Kamailio's module ``KSR``.
    """

    __slots__ = ("_hdr", "_ksr", "_msg", "_pv", "_room", "_uri")

    def __init__(self, msg: Any, ksr: Any) -> None:
        self._msg = msg
        self._ksr = ksr
        self._pv = ksr.pv
        self._hdr = ksr.hdr
        self._room = bounds.MOST_WRITTEN
        self._uri: str | None = None  # as last read; None after anything that may have changed it

    def log(self, level: int, text: str) -> None:
        """Levels below -1 are logged as ``crit``, above 3 as debug when Kamailio's ``debug`` reaches them."""
        word = _LEVELS.get(level)
        if word is None:
            if level > _DEBUG and self.get_i("$sel(cfg_get.core.debug)") < level:
                return
            word = "dbg" if level > _DEBUG else "crit"
        self._ksr.log(word, ended_record(until_nul(text)))

    def ksr(self, function: str, _arguments: list[str | int | bool]) -> str | int | bool | None:
        """Not yet."""
        raise CallRefused(f"KSR.{function}: not called yet")

    def modf(self, function: str, *arguments: str) -> int:
        """Only what is known to be safe, see ``functions``; any other name is logged, once a process."""
        self._uri = None
        name = until_nul(function)
        try:
            if name == "msg_apply_changes" and not arguments:
                return self._apply_changes(name)
            return functions.run(name, self._msg, self._ksr, arguments)
        except RunnerError as error:
            self._log_once(name, f"ModF cannot run {name[:80]!a}: {error}")
            return MODF_CANNOT_RUN

    def get_s(self, name: str) -> str | None:
        """Text unchanged; bytes that are not UTF-8 by way of Base64."""
        asked = name if name in _harmless else self._asked(name)
        if asked is None:
            return None
        try:
            value = self._pv.get(asked)
        except UnicodeDecodeError:
            return self._get_bytes(asked)
        except (SystemError, UnicodeEncodeError, ValueError):
            return self.get_s(until_nul(asked)) if "\0" in asked else None
        if type(value) is str:
            if asked == "$ru":
                self._uri = value
            return value
        if "\0" in asked:  # Kamailio 6 raises nothing
            return self.get_s(until_nul(asked))
        if value is None:
            return None
        if value is not False and guards.COUNTS.search(asked):
            return str(value)
        # A number has a text as well, which need not be its digits: 0007, an empty port, one that is above 2^31.
        text = self._printed(asked) if value is not False else None
        return self._get_bytes(asked) if text is None else text  # False: not UTF-8, where 5.6 raises

    def get_i(self, name: str) -> int:
        """``KSR.pv.geti`` would read numbers out of text; a number here is a value of integer type."""
        asked = name if name in _harmless else self._asked(name)
        if asked is None:
            return 0
        try:
            value = self._pv.get(asked)
        except UnicodeDecodeError:
            return 0
        except (SystemError, UnicodeEncodeError, ValueError):
            return self.get_i(until_nul(asked)) if "\0" in asked else 0
        if type(value) is not int:
            return self.get_i(until_nul(asked)) if "\0" in asked else 0
        return value if _LEAST_INT <= value <= _MOST_INT else (value - _LEAST_INT) % (1 << 32) + _LEAST_INT

    def set_s(self, name: str, value: str) -> int:
        """KSR takes UTF-8 alone; other bytes are put together by Kamailio itself."""
        uri, self._uri = self._uri, None
        if name not in _harmless and not self._asked(name, is_written=True):
            return FAILED
        if len(value) > _SMALL and not self._may_write(name, value):
            return FAILED
        if name.startswith(_R_URI) and not self._may_rewrite(name, value, uri):
            return FAILED
        if not name.isascii() or not value.isascii() or "\0" in name or "\0" in value:
            name, value = until_nul(name), until_nul(value)
            if not is_utf8(value) or not is_utf8(name):
                return self._set_bytes(name, value)
        return DONE if self._pv.sets(name, value) else FAILED

    def set_i(self, name: str, value: int) -> int:
        """As ``PV.SetI``."""
        self._uri = None
        if name not in _harmless and not self._asked(name, is_written=True):
            return FAILED
        name = until_nul(name)
        return DONE if is_utf8(name) and self._pv.seti(name, value) else FAILED

    def unset(self, name: str) -> int:
        """As ``PV.Unset``."""
        uri, self._uri = self._uri, None
        if name not in _harmless and not self._asked(name, is_written=True):
            return FAILED
        if name.startswith(_R_URI) and not self._may_rewrite(name, "", uri):
            return FAILED
        name = until_nul(name)
        return DONE if is_utf8(name) and self._pv.unset(name) else FAILED

    def is_null(self, name: str) -> int:
        """``KSR.pv.is_null`` is True for null and for what has no value at all; only null prints as ``<null>``."""
        asked = until_nul(name if name in _harmless else self._asked(name) or "")
        if not asked or not is_utf8(asked):
            return FAILED
        if not self._pv.is_null(asked):
            return 0
        printed = self._printed(asked) if names.is_one(asked) else None
        # $pU and its like, of an address that does not parse, are null once, which no transformation takes.
        is_once = asked.startswith(("$p", "$(p", "$ai", "$(ai")) and "{" not in asked and self.get_s(asked) is not None
        return 1 if printed == "<null>" or (printed is not None and is_once) else FAILED

    def hdr_append(self, text: str) -> int:
        """After the last header."""
        if len(text) > _SMALL and not self._may_write("", text):
            return FAILED
        if not text.isascii() or "\0" in text:
            text = until_nul(text)
            if not is_utf8(text):
                return self._add_bytes("append_hf", text)
        return DONE if self._hdr.append(text) == 1 else FAILED

    def hdr_remove(self, name: str) -> int:
        """An invalid name removes nothing, which is a failure only when the headers do not parse."""
        name = until_nul(name)
        if is_utf8(name) and self._hdr.remove(name) == 1:
            return DONE
        is_too_long = len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES
        return FAILED if is_too_long or self._pv.get("$msg(hdrc)") is None else DONE

    def hdr_insert(self, text: str) -> int:
        """
        After the first header, where app_mono writes; ``KSR.hdr.insert`` writes before it.

        Bytes that are not UTF-8 give -1: no function of Kamailio takes them at this place.
        """
        text = until_nul(text)
        if not is_utf8(text) or (len(text) > _SMALL and not self._may_write("", text)):
            return FAILED
        try:
            first = self._pv.get(_FIRST_HEADER)
        except UnicodeDecodeError:
            first = None
        if type(first) is str and self._hdr.append_after(text, first) == 1:
            return DONE
        # Another header does not parse, which append_after minds and app_mono's Insert does not.
        textops, message = getattr(self._ksr, "textops", None), self.get_s("$mb") or ""
        blanks = len(message) - len(message.lstrip(" \t\r\n\0"))  # core/parser/msg_parser.c, parse_msg
        if textops is None or blanks > _MOST_BLANKS:
            return FAILED
        return DONE if textops.search_append(_AFTER_FIRST_HEADER % blanks, text) == 1 else FAILED

    def hdr_append_to_reply(self, text: str) -> int:
        """Into the reply made later."""
        if len(text) > _SMALL and not self._may_write("", text):
            return FAILED
        if not text.isascii() or "\0" in text:
            text = until_nul(text)
            if not is_utf8(text):
                return self._add_bytes("append_to_reply", text)
        return DONE if self._hdr.append_to_reply(text) == 1 else FAILED

    depends_on = staticmethod(foreseen.depends_on)
    changes = staticmethod(foreseen.changes)

    def is_always_certain(self, call: str, target: str) -> bool:
        """As ``runner.calls.Foreseen``; a name that was never asked for may find no room."""
        return foreseen.is_always_certain(call, target) and (not target or target in _harmless)

    def is_certain(self, call: str, target: str) -> bool:
        """As ``runner.calls.Foreseen``; what is left out here is asked for, as before."""
        if target == "$rU":
            # Nearly always $ru was read just now, to be sent along.
            uri = self._uri or self.get_s("$ru") or ""
            # Kamailio's own parser has a host where the R-URI parses, and only then.
            is_sip = uri.startswith(("sip:", "sips:")) and len(uri) <= _LONGEST_URI and uri.isascii()
            return is_sip and bool(self._pv.get("$rd"))
        if call in {"HDR.Append", "HDR.Remove"}:
            return self._pv.get("$msg(hdrc)") is not None
        return self.is_always_certain(call, target)

    def expand(self, text: str) -> str:
        """The text unchanged: Kamailio expanded it before the call."""
        return text

    def _apply_changes(self, name: str) -> int:
        """
        A message that the changes have broken is put back as it was, without them; that gives -1.

        The function gives 0 for "no longer safe" (core/msg_translator.c, sip_msg_update_buffer), which ends a routing
        script in kamailio.cfg but not ours, and says nothing of a Via that is gone. Both crash whatever comes next.
        """
        before, uri = self.get_s("$mb"), self.get_s("$ru")
        value = functions.run(name, self._msg, self._ksr)
        # One that has a Via then has From, To, Call-ID and CSeq as well, or no header that does not parse.
        is_whole = value > 0 and not self._pv.is_null("$sel(via)") and functions.may_be_built(self._ksr)
        if value < 0 or is_whole:
            return value
        self._log_once(name, "ModF msg_apply_changes would have broken a message, which was left as it was")
        self._put_back(before or "")
        if uri is not None and self.get_s("$ru") != uri:
            self.set_s("$ru", uri)
        return FAILED

    def _put_back(self, message: str) -> None:
        if _NO_ARGUMENT.search(message) is None:
            self._ksr.textopsx.msg_set_buffer(message)
        elif len(message) <= _LONGEST_PRINTED and self._hand_over(message):
            self._msg.call_function("msg_set_buffer", _FROM_HEXA)
        else:
            # Longer than what Kamailio prints at once; a few wrong letters are better than no server.
            self._ksr.textopsx.msg_set_buffer(_NO_ARGUMENT.sub("?", message))

    def _asked(self, name: str, *, is_written: bool = False) -> str | None:
        """What Kamailio may be asked for instead of a name that is not known as harmless yet; None: nothing."""
        is_harmless = guards.RISKY.search(name) is None
        if not _names.admit(name, is_harmless=is_harmless):
            self._log_once("", "no new name is asked for in this process: Kamailio keeps each, and they are many")
            return None
        if is_harmless:
            return name
        name = until_nul(name)
        checked = guards.evaluated_in_a_write(name) if is_written else name
        try:
            asked = checked and guards.asked(checked, self.get_s, self.set_i, self._has_none, functions.is_tcp_off)
        except guards.Refused as error:
            self._log_once(name, f"{name[:80]!a} is not asked for: {error}")
            return None
        if is_written or asked == name:
            return name
        return asked if asked and _names.admit(asked, is_harmless=False) else None

    def _has_none(self, name: str) -> bool:
        """Whether Kamailio has no value for a name that it was asked for before."""
        return _names.knows(name) and is_utf8(name) and bool(self._pv.is_null(name))

    def _may_write(self, name: str, value: str) -> bool:
        """Whether there is room for a value that is not small; headers have no name."""
        self._room -= len(value)
        if self._room < 0:
            self._log_once("\0", "an exec wrote more than fits into a server, and the rest was refused")
            return False
        if not _values.admit(name, len(value)):
            self._log_once("\0\0", "long values of script variables are refused: they are too many")
            return False
        return True

    def _may_rewrite(self, name: str, value: str, uri: str | None) -> bool:
        """Whether a part of the R-URI may be set to this value; ``uri`` is the R-URI if it is known."""
        if uri is None:
            uri = self.get_s("$ru")
            self._uri = None
        return not guards.makes_an_unsafe_uri(name, until_nul(value), uri, self.get_s)

    def _log_once(self, name: str, text: str) -> None:
        if name not in _logged and len(_logged) < _MOST_LOGGED:
            _logged.add(name)
            self.log(-1, f"app_mono: {text}\n")

    def _printed(self, name: str) -> str | None:
        """What an expression prints as in a text; None when it has no value, ``<null>`` when that is null."""
        if self._ksr.pvx.evalx(_TEXT, name) != 1:
            return None
        try:
            value = self._pv.get(_TEXT)
        except UnicodeDecodeError:
            return None
        return value if type(value) is str else None

    def _get_bytes(self, name: str) -> str | None:
        """A value that is not UTF-8, by way of other names, kept as well; {s.substr} loses what is behind a NUL."""
        if not _names.admit(f"{name}{{}}{{}}{{}}", is_harmless=False):
            return None
        inner = name[2:-1].rstrip(" ") if name.startswith("$(") else name[1:]
        data = self._pv.get(f"$({inner}{{s.encode.base64}})")
        if type(data) is str:
            return a2b_base64(data).decode("utf-8", "surrogateescape")
        length = self._pv.get(f"$({inner}{{s.len}})")
        if type(length) is not int:
            return None
        parts = []
        for at in range(0, length, _CHUNK_BYTES):
            part = self._pv.get(f"$({inner}{{s.substr,{at},{_CHUNK_BYTES}}}{{s.encode.base64}})")
            if type(part) is not str:
                return None
            parts.append(a2b_base64(part))
        return b"".join(parts).decode("utf-8", "surrogateescape")

    def _hand_over(self, value: str) -> bool:
        """Give Kamailio bytes, for it to put together; False when they are none (a lone surrogate of another kind)."""
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return False
        return bool(self._pv.sets(_HEXA, data.hex()))

    def _set_bytes(self, name: str, value: str) -> int:
        if not is_utf8(name) or not self._hand_over(value):
            return FAILED
        # pv_evalx expands twice: this variable's text first, then the bytes, which so are never expanded themselves.
        self._pv.sets(_TEXT, _FROM_HEXA)
        try:
            return DONE if self._msg.call_function("pv_evalx", name, _TEXT) == 1 else FAILED
        except RuntimeError:
            # It is read-only or unknown, so this writes nothing; it tells which.
            return DONE if self._pv.sets(name, "") else FAILED
        except AttributeError:
            return FAILED

    def _add_bytes(self, function: str, text: str) -> int:
        """A header that is not UTF-8, by module textops. Each costs Kamailio a few bytes that it never frees."""
        if not self._hand_over(text):
            return FAILED
        try:
            return DONE if self._msg.call_function(function, _FROM_HEXA) == 1 else FAILED
        except (RuntimeError, AttributeError):
            return FAILED
