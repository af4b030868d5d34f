"""
Variables that Kamailio must not be asked for or set, because it would use memory that is not its own.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of 5.6.3 and 6.0.1, the same in both
unless noted; each was seen to end Kamailio, or to hang it. tests/kamailio/test_odd_arguments.py asks a real one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.errors import RunnerError

from . import names

if TYPE_CHECKING:
    from collections.abc import Callable

    Reads = Callable[[str], str | None]
    """Gives the value of a name, None when it has none or was not asked for; checks that name as well."""
    Writes = Callable[[str, int], int]
    """Sets a name to a number, or gives a negative one."""

_BLANK = r"[ \t\r\n]*"
_BUFFER_BYTES = 65000  # pv_trans.c, TR_BUFFER_SIZE is 65536
_LONGEST_TO_CUT = 65534  # pv_trans.c, TR_S_RAFTER
_NOTHING_LEFT = "{s.strip,65536}"
_LONGEST_IN_BASE58 = 48000  # what is longer has no room in that buffer, and takes more than 4 s
_LONGEST_FROM_BASE58 = 65535  # takes 1 s
_MOST_ONES = 8192  # basex.c, b58_decode: as many bytes behind its buffer belong to the result

_OF_ALL_HEADERS = r'msg(?:\.|\[\\?")h(?:eader)?(?:\\?"\])?(?![\w.[])'  # core/select.c, w_parse_select
_OF_A_TEXT = rf"\{{{_BLANK}s{_BLANK}\.{_BLANK}(?:corehash|decode\.base58|decode\.base64url|select{_BLANK},{_BLANK}[-$])"
# A parameter (of a Diversion as well), definition, part of credentials or of SDP that is missing.
# $ai is no part of them, and with 6.0.1 the second look at a broken header finds another value than the first.
_OF_NO_TEXT = rf"(?:\{{{_BLANK}(?:uri{_BLANK}\.{_BLANK})?param|\$\(?(?:a(?!vp|i\b)|di[cpr]|(?:defn?|sdp){_BLANK}\())"
_OF_SOME_VALUES = (
    rf"\{{{_BLANK}s{_BLANK}\.{_BLANK}(?:rbefore|rafter|fmtlines|fmtlinet|replace|rm|encode\.base58|decode\.base58)"
    rf"{_BLANK}[,}}]"
)
# An address that Kamailio may take for one of a length below zero. It is harmless as it is.
_OF_AN_ADDRESS = r"\$\(?(ai|pu|di)(?![A-Za-z0-9_])"
RISKY = re.compile(
    rf"{_OF_SOME_VALUES}|\A(?s:.+){_OF_AN_ADDRESS}|\A{_OF_AN_ADDRESS}(?s:.*)\{{|\A(?s:(?=.*{_OF_NO_TEXT})(?=.*{_OF_A_TEXT}))|{_OF_ALL_HEADERS}"
    rf"|sh(?:tinc|tdec|vinc)\((?s:.*)\{{|conid|pcv|tcp{_BLANK}\(|ct[us]|natsData|mqtt|smsbody|hfit|blitval|sdpitval",
    re.IGNORECASE,
)
"""A name without a match is harmless. It matches more than the rules below, which are exact."""

OPEN_ADDRESS = re.compile(r"\n[ \t][^>]*<[^<>]*(?:,|\Z)")
"""An angle bracket that does not close, behind a fold; in one header, or in several with commas between."""

COUNTS = re.compile(r"sh(?:tinc|tdec|vinc)\(")  # a second question would count once more
_COUNTED = "var(app_mono_counted)"

_MOST_INT = (1 << 31) - 1
_LONGEST_URI = 1024  # core/config.h, MAX_URI_SIZE
_URI_PART = re.compile(r"\$\(?r(?:U|d|p|uri\.user|uri\.domain)(?![A-Za-z0-9_.])")

_CONTACT = re.compile(r"\$\(?ct[us](?![A-Za-z0-9_])")
_ADDRESS = re.compile(_OF_AN_ADDRESS)
_ADDRESSES = {
    "ai": "P-Asserted-Identity",
    "pu": "P-Preferred-Identity",
    "di": "Diversion",
}
_TCP = re.compile(r"\$\(?(?:conid(?![A-Za-z0-9_])|tcp[ \t]*\()")
_CHARGING = re.compile(r"\$\(?pcv[ \t]*\(")
_CHARGING_VECTOR, _CHARGING_VECTORS = "$hdr(P-Charging-Vector)", "$(hdr(P-Charging-Vector)[*])"
_LONGEST_VECTOR = 236  # chargingvector.c, pcv_buf: 256 bytes with the name of the header and a NUL
_OTHER_EVENTS = re.compile(r"\$\(?(?:natsData(?![A-Za-z0-9_])|mqtt[ \t]*\()")
ITERATORS = re.compile(r"\$\(?(?:hfit(?:name|body)|blitval|sdpitval)[ \t]*\(")
_HEADERS = re.compile(_OF_ALL_HEADERS, re.IGNORECASE)
_UNSAFE = re.compile(_OF_SOME_VALUES, re.IGNORECASE)
_NEEDS_A_TEXT = re.compile(_OF_A_TEXT, re.IGNORECASE)
_MAY_HAVE_NONE = re.compile(_OF_NO_TEXT, re.IGNORECASE)
_SMS_BODY = re.compile(r"\$\(?smsbody(?![A-Za-z0-9_])")
_NUMBER = re.compile(r"([+-]?)[ \t\n]*([0-9]{0,9}) *")
_TRANSFORMATION = re.compile(
    rf"{_BLANK}s{_BLANK}\.{_BLANK}(rbefore|rafter|fmtlines|fmtlinet|replace|rm|encode\.base58|decode\.base58)"
    rf"{_BLANK}(?:,(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_SELECTED = re.compile(rf"{_BLANK}s{_BLANK}\.{_BLANK}select{_BLANK},(?={_BLANK}\$)", re.IGNORECASE)
_WITH_TWO = {"replace", "fmtlines", "fmtlinet"}  # parameters


class Refused(RunnerError):
    """Kamailio must not be asked for a name now; the text is the reason."""


def asked(
    name: str, read: Reads, write: Writes, has_none: Callable[[str], bool], is_tcp_off: Callable[[], bool]
) -> str:
    """
    What Kamailio may be asked for instead of ``name``: mostly that name, else one with the same value that is safe.

    Args:
        name: What ``RISKY`` found something in.
        read: How to ask for another name.
        write: How to set one.
        has_none: Whether Kamailio was asked for a name and has no value for it; False where it was not asked.
        is_tcp_off: Whether this Kamailio has no TCP.

    Raises:
        Refused: There is no such name.
    """
    if _CONTACT.search(name) and read("$hdr(Contact)") is None and read("$msg(hdrc)") is not None:
        # 6.0.1, pv_get_contact_uri: looks into the Contact header without asking whether there is one.
        raise Refused("the message has no Contact")
    if _TCP.search(name) and is_tcp_off():
        # core/tcp_main.c, tcpconn_get: looks for the connection in a table that is not there.
        raise Refused("TCP is off")
    if _CHARGING.search(name):
        # chargingvector.c of 5.6.3, sip_get_charging_vector: copies the first one, however long it is.
        vectors = read(_CHARGING_VECTORS)
        has_some = read(_CHARGING_VECTOR) is not None or not has_none(_CHARGING_VECTOR)
        if has_some and (vectors is None or _bytes(vectors) > _LONGEST_VECTOR):
            raise Refused("the P-Charging-Vector does not fit into a buffer")
    if _OTHER_EVENTS.search(name):
        # Each reads what the last event of its module left, or takes a header of the message for such an event.
        raise Refused("it is for the events of its module")
    if ITERATORS.search(name):
        # modules/textopsx/textopsx.c, modules/sdpops/sdpops_mod.c: keep a pointer into the message that an iterator was
        # started on, also when that is gone, or was built again. KSR has functions that give the same, with a guard.
        raise Refused("its iterator may be one of a message that is gone")
    if _SMS_BODY.search(name):
        # smsops_impl.c, pv_sms_body: puts together what other variables of its module have to set first.
        raise Refused("it reads variables that may not be set")
    if _HEADERS.search(name) and read("$msg(body)") is None:
        # core/select_core.c, select_msg_header: the length up to a body that was not found.
        raise Refused("the headers of the message do not parse")
    for variable in set(_ADDRESS.findall(name)):
        header = _ADDRESSES[variable]
        every = read(f"$(hdr({header})[*])")
        is_long = every is None and read(f"$hdr({header})") is not None
        if is_long or (every and OPEN_ADDRESS.search(every)):
            # core/parser/parse_addr_spec.c: the end of its URI is in front of its start.
            raise Refused(f"an address of {header} does not end")
    return _with_safe_transformations(_counted(name, read, write), read, has_none) if "{" in name else name


def _counted(name: str, read: Reads, write: Writes) -> str:
    """The same of the number that a counter in front gives, so that it counts once whatever is asked of it."""
    counter = names.split(name.rstrip(" "))
    if counter is None or not counter[1] or not COUNTS.match(counter[0]):
        return name
    counted = f"$({_COUNTED}{name[len('$(') + len(counter[0]) :]}"
    if write(counted, 0) < 0:
        return name  # a write reads no transformations, but parses them: Kamailio refuses these, and counts nothing
    number = read(f"$({counter[0]})")
    if number is None:
        return name  # it counts no text, at no look
    if abs(int(number)) > _MOST_INT or write(f"${_COUNTED}", int(number)) < 0:
        raise Refused("the counter has too large a number")
    return counted


def evaluated_in_a_write(name: str) -> str | None:
    """
    What has to be checked of a name that is written; None for nothing.

    Neither the variable nor its transformations are read then (core/pvapi.c, pv_set_spec_value), only names inside.
    """
    bare = without_transformations(name) or name
    return bare if "$" in bare[1:] or _OTHER_EVENTS.match(bare) else None


def without_transformations(name: str) -> str | None:
    """The variable itself; None when it cannot be told from its transformations."""
    if "{" not in name:
        return name
    parts = names.split(name.rstrip(" "))
    return parts and f"$({parts[0]})"


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
    bare = without_transformations(name)
    if bare is None:
        return True
    old = read(bare) or ""
    length = _bytes(uri) - _bytes(old) + _bytes(value)
    # What comes or goes with a part: a separator, a password, and what turns a telephone number into a SIP URI.
    slack = 16 + (_bytes(uri.partition("@")[0]) - _bytes(old) if "U" in name or "user" in name else 0)
    return abs(length - _LONGEST_URI) <= slack


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _with_safe_transformations(name: str, read: Reads, has_none: Callable[[str], bool]) -> str:
    # What is missing has no text, which is not an empty one: Kamailio follows its NULL.
    may_lack_a_text = _NEEDS_A_TEXT.search(name) is not None and _MAY_HAVE_NONE.search(name) is not None
    if not may_lack_a_text and not _UNSAFE.search(name):
        return name
    if not name.startswith("$("):
        _check_inside(name[1:], read, has_none)
        return name
    parts = names.split(name.rstrip(" "))
    if parts is None:
        raise Refused("it is no name with transformations")
    for text in (parts[0], *parts[1]):
        _check_inside(text, read, has_none)
    before, links = parts
    may_be_rewritten = name == f"$({before}{''.join(f'{{{link}}}' for link in links)})"
    for number, link in enumerate(links):
        unsafe = _TRANSFORMATION.fullmatch(link)
        safe = f"{{{link}}}"
        if unsafe is not None:
            value = read(f"$({before})")
            if value is None and before.count("(") == before.count(")") and has_none(f"$({before})"):
                # Nothing is transformed, so the rest of the chain is not either (core/pvapi.c, tr_exec).
                before += "".join(f"{{{rest}}}" for rest in links[number:])
                break
            if value is None or not _is_safe(unsafe, value, read, has_none):
                raise Refused(f"{{s.{unsafe[1]}}} is not safe for this value")
            if unsafe[1].lower() == "rafter" and _parameters(unsafe, read, has_none) is not None:
                # It searches forward from the last byte. Wherever it stops, it leaves nothing of the value.
                if not may_be_rewritten or not link.startswith("s."):
                    raise Refused("{s.rafter} is not written plainly")
                safe = _NOTHING_LEFT
        needs_a_text = _NEEDS_A_TEXT.match(f"{{{link}") is not None and not _selects_from_the_front(link, read)
        if may_lack_a_text and needs_a_text and _has_no_text(before, read):
            raise Refused(f"{{{link}}} is not safe for what is missing")
        before += safe
    return f"$({before})" if may_be_rewritten else name


def _check_inside(text: str, read: Reads, has_none: Callable[[str], bool]) -> None:
    """
    Look at the names in a text, as in the name of another variable or in a parameter.

    Raises:
        Refused: One is not safe as it is written.
    """
    at = text.find("$") if _UNSAFE.search(text) or _NEEDS_A_TEXT.search(text) else -1
    while at >= 0:
        end = names.behind(text, at)
        if end is None or COUNTS.search(text):
            raise Refused("a name inside cannot be told from what is around it, or counts")
        inner = text[at:end]
        if not inner.startswith("$("):
            _check_inside(inner[1:], read, has_none)
        elif _with_safe_transformations(inner, read, has_none) != inner:
            raise Refused("a name inside is safe in other words only")
        at = text.find("$", end)


def _parameters(unsafe: re.Match[str], read: Reads, has_none: Callable[[str], bool]) -> list[str] | None:
    """
    The texts of the parameters of a transformation; None when one is a variable without a text, which Kamailio refuses.

    Raises:
        Refused: They are not as many as it takes, or were not read.
    """
    transformation, text = unsafe[1].lower(), unsafe[2]
    is_cut = transformation in {"rbefore", "rafter"}
    found = None if text is None else names.parameters(text, may_end_with_comma=is_cut)
    if found is None or len(found) != (2 if transformation in _WITH_TWO else 1):
        raise Refused(f"the parameters of {{s.{transformation}}} are malformed")
    for number, text in enumerate(found):
        if text.startswith("$"):
            value = read(text)
            if value is None and not has_none(text):
                raise Refused(f"a parameter of {{s.{transformation}}} was not read")
            if not value:
                return None
            found[number] = value
    return found


def _selects_from_the_front(link: str, read: Reads) -> bool:
    """Whether it is a ``{s.select,$x,c}`` with a number that is not below zero: it looks at no text that is missing."""
    selected = _SELECTED.match(link)
    found = None if selected is None else names.parameters(link[selected.end() :], may_end_with_comma=True)
    return found is not None and (read(found[0]) or "-").isdigit()


def _has_no_text(inner: str, read: Reads) -> bool:
    # core/strutils.c, urlencode: minds a NULL, unlike the others.
    return read(f"$({inner})") == "" and read(f"$({inner}{{s.urlencode.param}})") is None


def _is_safe(unsafe: re.Match[str], value: str, read: Reads, has_none: Callable[[str], bool]) -> bool:
    transformation, bytes_ = unsafe[1].lower(), value.encode("utf-8", "surrogateescape")
    if transformation == "encode.base58":
        return len(bytes_) <= _LONGEST_IN_BASE58
    if transformation == "decode.base58":
        return len(bytes_) <= _LONGEST_FROM_BASE58 and len(value) - len(value.lstrip("1")) <= _MOST_ONES
    texts = _parameters(unsafe, read, has_none)
    if texts is None:
        return True  # refused by Kamailio
    # A parameter may overwrite the value, or another parameter: numbers share one buffer (core/ut.h, int2str), results
    # of transformations a few. The result goes into the buffer that was used last.
    first = texts[0].encode("utf-8", "surrogateescape")
    if transformation == "rafter":
        return len(bytes_) <= _LONGEST_TO_CUT
    if transformation == "rbefore":
        # It searches forward from the last byte, and does not stop behind it.
        is_overwritten = "{" in unsafe[2] or (bytes_.isdigit() and first.isdigit())
        return bool(first) and bytes_[-1:] == first[:1] and not is_overwritten
    # An empty text is found, and found again, where the value has the byte that is behind it in the name.
    if transformation == "rm":
        return bool(first) or b"}" not in bytes_
    if transformation == "replace":
        second = texts[1].encode("utf-8", "surrogateescape")
        if not first:
            return b"," not in bytes_ and len(bytes_) <= _BUFFER_BYTES
        is_overwritten = "{" in unsafe[2] or (first.isdigit() and second.isdigit())
        times = len(bytes_) if is_overwritten else bytes_.count(first)
        return len(bytes_) + times * len(second) + len(second) <= _BUFFER_BYTES
    numbers = [_NUMBER.fullmatch(text) for text in texts]
    if None in numbers:
        return False
    width, indent = (int(f"{found[1]}{found[2] or 0}") for found in numbers if found is not None)
    if width <= 0 or indent < 0:
        return True  # refused by Kamailio
    # It breaks the line behind each of the first bytes, as many as a line should have, and counts lines instead.
    return len(bytes_) + (min(width, len(bytes_)) - 1) * (2 + indent) <= _BUFFER_BYTES
