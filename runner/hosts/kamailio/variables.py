"""
The pseudo-variables and the log of a running Kamailio, through KSR, with app_mono's values instead of KEMI's.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of Kamailio 5.6.3: core/kemi.c,
modules/app_mono/app_mono_api.c, modules/pv/pv.c. Whatever asks Kamailio for a name, or sets one, asks here whether it
may: what Kamailio must not be asked for, and what would fill its memory.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any

from runner.calls import FAILED
from runner.hosts.expressions import is_too_deep
from runner.printable import ended_record

from . import bounds, functions, guards, names
from .texts import is_utf8, until_nul

DONE = 0
SMALL = bounds.SMALL
_LEVELS = {-1: "err", 0: "warn", 1: "notice", 2: "info", 3: "dbg"}
_DEBUG = 3
_LEAST_INT, _MOST_INT = -0x80000000, 0x7FFFFFFF  # Kamailio 6 has longer numbers, C# has these

# Variables of this module; a script that reads them sees what the last slow call left.
_TEXT = "$var(app_mono_text)"
_HEXA = "$var(app_mono_hexa)"
FROM_HEXA = "$(var(app_mono_hexa){s.decode.hexa})"
"""What ``hand_over`` was given last."""
_R_URI = ("$r", "$(r")  # how the names of its parts begin
_CHUNK_BYTES = 48000  # {s.encode.base64} takes three quarters of its buffer of 65536 bytes

_LONGEST_NAME = 8192  # characters; the guards take longer than a request may, for one of a million
_MOST_LOGGED = 100  # refused names that are in the log; a script may make up any number
_LONGEST_LOGGED = 80
_logged: set[str] = set()
_private = bounds.of_this_process()
_names = bounds.Names(_private)
harmless = _names.harmless
"""Names in which the guards found nothing."""
_values = bounds.Values(_private)


class Variables:
    """
    What a ``Host`` does with pseudo-variables and the log.

    The common case of every call is one call of KSR; what KSR cannot give or accept is handled afterwards.

    Args:
        msg: The message object of app_python3, valid until the exec ends. None where Kamailio has none (app_python3s).
        ksr: Kamailio's module ``KSR``.
    """

    __slots__ = ("_room", "binding", "hdr", "msg", "pv", "uri")

    def __init__(self, msg: Any, ksr: Any) -> None:
        self.msg = msg
        self.binding = ksr
        self.pv = ksr.pv
        self.hdr = ksr.hdr
        self.uri: str | None = None  # as last read; None after anything that may have changed it
        self._room = bounds.MOST_WRITTEN

    def log(self, level: int, text: str) -> None:
        """Levels below -1 are logged as ``crit``, above 3 as debug when Kamailio's ``debug`` reaches them."""
        word = _LEVELS.get(level)
        if word is None:
            if level > _DEBUG and self.get_i("$sel(cfg_get.core.debug)") < level:
                return
            word = "dbg" if level > _DEBUG else "crit"
        self.binding.log(word, ended_record(until_nul(text)))

    def get_s(self, name: str) -> str | None:
        """Text unchanged; bytes that are not UTF-8 by way of Base64."""
        asked = name if name in harmless else self.asked(name)
        if asked is None:
            return None
        try:
            value = self.pv.get(asked)
        except UnicodeDecodeError:
            return self.get_bytes(asked)
        except (SystemError, UnicodeEncodeError, ValueError):
            return self.get_s(until_nul(asked)) if "\0" in asked else None
        if type(value) is str:
            if asked == "$ru":
                self.uri = value
            return value
        if "\0" in asked:  # Kamailio 6 raises nothing
            return self.get_s(until_nul(asked))
        if value is None:
            return None
        if value is not False and guards.COUNTS.search(asked):
            return str(value)
        # A number has a text as well, which need not be its digits: 0007, an empty port, one that is above 2^31.
        text = self._printed(asked) if value is not False else None
        return self.get_bytes(asked) if text is None else text  # False: not UTF-8, where 5.6 raises

    def get_i(self, name: str) -> int:
        """``KSR.pv.geti`` would read numbers out of text; a number here is a value of integer type."""
        asked = name if name in harmless else self.asked(name)
        if asked is None:
            return 0
        try:
            value = self.pv.get(asked)
        except UnicodeDecodeError:
            return 0
        except (SystemError, UnicodeEncodeError, ValueError):
            return self.get_i(until_nul(asked)) if "\0" in asked else 0
        if type(value) is not int:
            return self.get_i(until_nul(asked)) if "\0" in asked else 0
        return value if _LEAST_INT <= value <= _MOST_INT else (value - _LEAST_INT) % (1 << 32) + _LEAST_INT

    def set_s(self, name: str, value: str) -> int:
        """KSR takes UTF-8 alone; other bytes are put together by Kamailio itself."""
        uri, self.uri = self.uri, None
        if name not in harmless and not self.asked(name, is_written=True):
            return FAILED
        if len(value) > SMALL and not self.may_write(name, value):
            return FAILED
        if name.startswith(_R_URI) and not self.may_rewrite(name, value, uri):
            return FAILED
        if not name.isascii() or not value.isascii() or "\0" in name or "\0" in value:
            name, value = until_nul(name), until_nul(value)
            if not is_utf8(value) or not is_utf8(name):
                return self._set_bytes(name, value)
        return DONE if self.pv.sets(name, value) else FAILED

    def set_i(self, name: str, value: int) -> int:
        """As ``PV.SetI``."""
        self.uri = None
        if name not in harmless and not self.asked(name, is_written=True):
            return FAILED
        name = until_nul(name)
        return DONE if is_utf8(name) and self.pv.seti(name, value) else FAILED

    def unset(self, name: str) -> int:
        """As ``PV.Unset``."""
        uri, self.uri = self.uri, None
        if name not in harmless and not self.asked(name, is_written=True):
            return FAILED
        if name.startswith(_R_URI) and not self.may_rewrite(name, "", uri):
            return FAILED
        name = until_nul(name)
        return DONE if is_utf8(name) and self.pv.unset(name) else FAILED

    def is_null(self, name: str) -> int:
        """``KSR.pv.is_null`` is True for null and for what has no value at all; only null prints as ``<null>``."""
        asked = until_nul(name if name in harmless else self.asked(name) or "")
        if not asked or not is_utf8(asked):
            return FAILED
        if not self.pv.is_null(asked):
            return 0
        printed = self._printed(asked) if names.is_one(asked) else None
        # $pU and its like, of an address that does not parse, are null once, which no transformation takes.
        is_once = (
            asked.startswith(("$p", "$(p", "$ai", "$(ai", "$di", "$(di"))
            and "{" not in asked
            and self.get_s(asked) is not None
        )
        return 1 if printed == "<null>" or (printed is not None and is_once) else FAILED

    def asked(self, name: str, *, is_written: bool = False) -> str | None:
        """What Kamailio may be asked for instead of a name that is not known as harmless yet; None: nothing."""
        if len(name) > _LONGEST_NAME or is_too_deep(name):
            self.log_once(name, f"{name[:80]!a} is not asked for: it is too long, or an expression in it is too deep")
            return None
        is_harmless = guards.RISKY.search(name) is None
        if not _names.admit(name, is_harmless=is_harmless):
            self.log_once("", "no new name is asked for in this process: Kamailio keeps each, and they are many")
            return None
        if is_harmless:
            return name
        name = until_nul(name)
        checked = guards.evaluated_in_a_write(name) if is_written else name
        try:
            asked = checked and guards.asked(checked, self.get_s, self.set_i, self._has_none, functions.is_tcp_off)
        except guards.Refused as error:
            self.log_once(name, f"{name[:80]!a} is not asked for: {error}")
            return None
        if is_written or asked == name:
            return name
        return asked if asked and _names.admit(asked, is_harmless=False) else None

    def _has_none(self, name: str) -> bool:
        """Whether Kamailio has no value for a name that it was asked for before."""
        return _names.knows(name) and is_utf8(name) and bool(self.pv.is_null(name))

    def may_write(self, name: str, value: str) -> bool:
        """Whether there is room for a value that is not small; headers have no name."""
        self._room -= len(value)
        if self._room < 0:
            self.log_once("\0", "an exec wrote more than fits into a server, and the rest was refused")
            return False
        if not _values.admit(name, len(value)):
            self.log_once("\0\0", "long values of script variables are refused: they are too many")
            return False
        return True

    def may_rewrite(self, name: str, value: str, uri: str | None) -> bool:
        """Whether a part of the R-URI may be set to this value; ``uri`` is the R-URI if it is known."""
        if uri is None:
            uri = self.get_s("$ru")
            self.uri = None
        return not guards.makes_an_unsafe_uri(name, until_nul(value), uri, self.get_s)

    def log_once(self, name: str, text: str) -> None:
        """Log an error once for each beginning of a name, and not for more than a process should log and keep."""
        name = name[:_LONGEST_LOGGED]
        if name not in _logged and len(_logged) < _MOST_LOGGED:
            _logged.add(name)
            self.log(-1, f"app_mono: {text}\n")

    def _printed(self, name: str) -> str | None:
        """What an expression prints as in a text; None when it has no value, ``<null>`` when that is null."""
        if self.binding.pvx.evalx(_TEXT, name) != 1:
            return None
        try:
            value = self.pv.get(_TEXT)
        except UnicodeDecodeError:
            return None
        return value if type(value) is str else None

    def get_bytes(self, name: str) -> str | None:
        """A value that is not UTF-8, by way of other names, kept as well; {s.substr} loses what is behind a NUL."""
        if not _names.admit(f"{name}{{}}{{}}{{}}", is_harmless=False):
            return None
        inner = name[2:-1].rstrip(" ") if name.startswith("$(") else name[1:]
        data = self.pv.get(f"$({inner}{{s.encode.base64}})")
        if type(data) is str:
            return a2b_base64(data).decode("utf-8", "surrogateescape")
        length = self.pv.get(f"$({inner}{{s.len}})")
        if type(length) is not int:
            return None
        parts = []
        for at in range(0, length, _CHUNK_BYTES):
            part = self.pv.get(f"$({inner}{{s.substr,{at},{_CHUNK_BYTES}}}{{s.encode.base64}})")
            if type(part) is not str:
                return None
            parts.append(a2b_base64(part))
        return b"".join(parts).decode("utf-8", "surrogateescape")

    def hand_over(self, value: str) -> bool:
        """Give Kamailio bytes, for it to put together; False when they are none (a lone surrogate of another kind)."""
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return False
        return bool(self.pv.sets(_HEXA, data.hex()))

    def _set_bytes(self, name: str, value: str) -> int:
        if not is_utf8(name) or not self.hand_over(value):
            return FAILED
        # pv_evalx expands twice: this variable's text first, then the bytes, which so are never expanded themselves.
        self.pv.sets(_TEXT, FROM_HEXA)
        try:
            return DONE if self.msg.call_function("pv_evalx", name, _TEXT) == 1 else FAILED
        except RuntimeError:
            # It is read-only or unknown, so this writes nothing; it tells which.
            return DONE if self.pv.sets(name, "") else FAILED
        except AttributeError:
            return FAILED
