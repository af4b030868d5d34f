"""
Variables that Kamailio must not be asked for or set, because it would use memory that is not its own.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of 5.6.3 and 6.0.1, the same in both
unless noted; each was seen to end Kamailio, or to hang it. tests/kamailio/test_odd_arguments.py asks a real one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Reads = Callable[[str], str | None]
    """Gives the value of a name, None when it has none; checks that name as well."""

_BLANK = r"[ \t\r\n]*"
_BUFFER_BYTES = 65000  # pv_trans.c, TR_BUFFER_SIZE is 65536
_LONGEST_BASE58 = 8192  # its time grows with the square: 5 s for 60,000 bytes

_OF_ALL_HEADERS = r'msg(?:\.header|\[\\?"header)'  # core/select.c, w_parse_select
_OF_A_TEXT = rf"\{{{_BLANK}s{_BLANK}\.{_BLANK}(?:corehash|decode\.base58|decode\.base64url|select{_BLANK},{_BLANK}[-$])"
_OF_NO_TEXT = rf"(?:\{{{_BLANK}(?:uri{_BLANK}\.{_BLANK})?param|\$\(?defn?{_BLANK}\()"
_OF_SOME_VALUES = (
    rf"\{{{_BLANK}s{_BLANK}\.{_BLANK}(?:rbefore|rafter|fmtlines|fmtlinet|replace|rm|encode\.base58|decode\.base58)"
    rf"{_BLANK}[,}}]"
)
RISKY = re.compile(
    rf"{_OF_SOME_VALUES}|\A(?s:(?=.*{_OF_NO_TEXT})(?=.*{_OF_A_TEXT}))|{_OF_ALL_HEADERS}"
    rf"|conid|tcp{_BLANK}\(|ct[us]|natsData|mqtt|smsbody",
    re.IGNORECASE,
)
"""A name without a match is harmless. It matches more than the rules below, which are exact."""

_LONGEST_URI = 1024  # core/config.h, MAX_URI_SIZE
_URI_PART = re.compile(r"\$\(?r(?:U|d|p|uri\.user|uri\.domain)(?![A-Za-z0-9_.])")

_CONTACT = re.compile(r"\$\(?ct[us](?![A-Za-z0-9_])")
_TCP = re.compile(r"\$\(?(?:conid(?![A-Za-z0-9_])|tcp[ \t]*\()")
_OTHER_EVENTS = re.compile(r"\$\(?(?:natsData(?![A-Za-z0-9_])|mqtt[ \t]*\()")
_HEADERS = re.compile(_OF_ALL_HEADERS, re.IGNORECASE)
_UNSAFE = re.compile(_OF_SOME_VALUES, re.IGNORECASE)
_NEEDS_A_TEXT = re.compile(_OF_A_TEXT, re.IGNORECASE)
_MAY_HAVE_NONE = re.compile(_OF_NO_TEXT, re.IGNORECASE)
_SMS_BODY = re.compile(r"\$\(?smsbody(?![A-Za-z0-9_])")
_CHAIN = re.compile(r"\$\((?P<inner>[^{}]*)(?P<chain>(?:\{[^{}]*\}[ \t\r\n]*)+)\)")
_LINK = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"([+-]?)[ \t\n]*([0-9]{0,9})")
_TRANSFORMATION = re.compile(
    rf"{_BLANK}s{_BLANK}\.{_BLANK}(rbefore|rafter|fmtlines|fmtlinet|replace|rm|encode\.base58|decode\.base58)"
    rf"{_BLANK}(?:,(.*))?",
    re.IGNORECASE | re.DOTALL,
)


def refusal(name: str, read: Reads, is_tcp_off: Callable[[], bool]) -> str | None:
    """
    Why Kamailio must not be asked for ``name`` now, None when it may.

    Args:
        name: What ``RISKY`` found something in.
        read: How to ask for another name.
        is_tcp_off: Whether this Kamailio has no TCP.
    """
    if _CONTACT.search(name) and read("$hdr(Contact)") is None and read("$msg(hdrc)") is not None:
        # 6.0.1, pv_get_contact_uri: looks into the Contact header without asking whether there is one.
        return "the message has no Contact"
    if _TCP.search(name) and is_tcp_off():
        # core/tcp_main.c, tcpconn_get: looks for the connection in a table that is not there.
        return "TCP is off"
    if _OTHER_EVENTS.search(name):
        # Each reads what the last event of its module left, or takes a header of the message for such an event.
        return "it is for the events of its module"
    if _SMS_BODY.search(name):
        # smsops_impl.c, pv_sms_body: puts together what other variables of its module have to set first.
        return "it reads variables that may not be set"
    if _HEADERS.search(name) and read("$msg(body)") is None:
        # core/select_core.c, select_msg_header: the length up to a body that was not found.
        return "the headers of the message do not parse"
    return _of_transformations(name, read) if "{" in name else None


def makes_an_unsafe_uri(name: str, value: str, uri: str | None, read: Reads) -> bool:
    """
    Whether writing ``value`` to a part of the R-URI could make it exactly 1,024 bytes long.

    core/action.c, SET_USER_T and its like: the URI is made in as many bytes, and its NUL goes behind them.

    Args:
        name: The variable.
        value: What it is set to; empty for ``unset``.
        uri: The R-URI now, None when it does not parse; then nothing is written.
        read: How to ask for another name.
    """
    if uri is None or 4 * (len(uri) + len(value)) < _LONGEST_URI or not _URI_PART.match(name):
        return False
    old = read(name) or ""
    length = _bytes(uri) - _bytes(old) + _bytes(value)
    # What comes or goes with a part: a separator, a password, and what turns a telephone number into a SIP URI.
    slack = 16 + (_bytes(uri.partition("@")[0]) - _bytes(old) if "U" in name or "user" in name else 0)
    return abs(length - _LONGEST_URI) <= slack


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _of_transformations(name: str, read: Reads) -> str | None:
    found = [link for link in _LINK.findall(name) if _TRANSFORMATION.fullmatch(link)]
    # A parameter without a value has no text, which is not an empty one: Kamailio follows its NULL.
    may_lack_a_text = _NEEDS_A_TEXT.search(name) is not None and _MAY_HAVE_NONE.search(name) is not None
    if not found and not may_lack_a_text and not _UNSAFE.search(name):
        return None
    chain = _CHAIN.fullmatch(name.rstrip(" "))
    if chain is None:
        return "the name of another variable holds a transformation that is safe for some values only"
    before = chain["inner"]
    for link in _LINK.findall(chain["chain"]):
        unsafe = _TRANSFORMATION.fullmatch(link)
        if unsafe is not None:
            value = read(f"$({before})")
            if value is None or not _is_safe(unsafe[1].lower(), value, (unsafe[2] or "").split(","), read):
                return f"{{s.{unsafe[1]}}} is not safe for this value"
        if may_lack_a_text and _NEEDS_A_TEXT.match(f"{{{link}") and _has_no_text(before, read):
            return f"{{{link}}} is not safe for a parameter without a value"
        before += f"{{{link}}}"
    return None


def _has_no_text(inner: str, read: Reads) -> bool:
    # core/strutils.c, urlencode: minds a NULL, unlike the others.
    return read(f"$({inner})") == "" and read(f"$({inner}{{s.urlencode.param}})") is None


def _is_safe(transformation: str, value: str, parameters: list[str], read: Reads) -> bool:
    bytes_ = value.encode("utf-8", "surrogateescape")
    texts = [(read(text) if text.startswith("$") else text) or "" for text in (part.strip(" ") for part in parameters)]
    if transformation.endswith("base58"):
        return len(bytes_) <= _LONGEST_BASE58
    first = texts[0].encode("utf-8", "surrogateescape")
    if transformation in {"rbefore", "rafter"}:
        # Both search forward from the last byte, and do not stop behind it.
        return (bool(first) and bytes_[-1:] == first[:1]) or (transformation == "rafter" and not bytes_)
    if transformation == "rm":
        return bool(first)  # an empty text is found without end
    if len(texts) != 2:  # noqa: PLR2004
        return True  # refused by Kamailio
    if transformation == "replace":
        second = texts[1].encode("utf-8", "surrogateescape")
        return bool(first) and len(bytes_) + bytes_.count(first) * len(second) + len(second) <= _BUFFER_BYTES
    numbers = [_NUMBER.fullmatch(text) for text in texts]
    if None in numbers:
        return False
    width, indent = (int(f"{found[1]}{found[2] or 0}") for found in numbers if found is not None)
    if width <= 0 or indent < 0:
        return True  # refused by Kamailio
    # It breaks the line behind each of the first bytes, as many as a line should have, and counts lines instead.
    return len(bytes_) + (min(width, len(bytes_)) - 1) * (2 + indent) <= _BUFFER_BYTES
