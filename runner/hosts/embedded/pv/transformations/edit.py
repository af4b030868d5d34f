"""``{s.*}``: replace, remove, prefixes, lines."""

from __future__ import annotations

import re

from runner.hosts.embedded.pv.transform import (
    MAX_RESULT_BYTES,
    Arguments,
    Expression,
    Input,
    Literal,
    Scanner,
    links_of,
    register,
    takes,
)
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.scan import wrap

from .text import not_null

_SOURCE = "modules/pv/pv_trans.c, tr_eval_string"


@register("s.rmws", "without white space", _SOURCE)
def _rmws(given: Input) -> Value:
    return Value(not_null(given).translate(None, b" \t\r\n"))


@register("s.numeric", "the digits only", _SOURCE)
def _numeric(given: Input) -> Value:
    not_null(given)
    if given.value.text is None:
        raise CannotEvaluate("numeric: the value has no text")
    return Value(re.sub(rb"[^0-9]", b"", given.value.text))


@register("s.replace", "every occurrence of a text replaced", _SOURCE, takes("ss"), ",old,new")
def _replace(given: Input) -> Value:
    old, new = given.string(0), given.string(1).text
    return _replaced(given, old, new, _place(given, 0), _place(given, 1))


@register("s.rmhdws", "with a blank for each line end and the white space behind it", _SOURCE, since="6.0")
def _rmhdws(given: Input) -> Value:
    return Value(_unfolded(given, b" "))


@register("s.rmhlws", "without line ends and the white space behind them", _SOURCE, since="6.0")
def _rmhlws(given: Input) -> Value:
    return Value(_unfolded(given, b""))


_FOLD = re.compile(rb"[\r\n]+([ \t]*)")


def _unfolded(given: Input, blank: bytes) -> bytes:
    text = not_null(given)
    if len(text) >= MAX_RESULT_BYTES:
        raise CannotEvaluate("the value is too big")
    return _FOLD.sub(lambda found: blank if found.group(1) else b"", text)


_RM_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@register("s.rm", "every occurrence of a text removed; knows \\n \\r \\t \\\\", _SOURCE, takes("s"), ",text")
def _rm(given: Input) -> Value:
    wanted = given.string(0)
    if isinstance(given.arguments[0], Expression):
        return _replaced(given, wanted, b"", _place(given, 0), None)
    old = re.sub(rb"\\(.)", lambda found: _RM_ESCAPES.get(found.group(1), found.group(1)), wanted.text, flags=re.DOTALL)
    return _replaced(given, Literal(old, wanted.first), b"", None, None)


def _replaced(given: Input, old: Literal, new: bytes, old_at: int | None, new_at: int | None) -> Value:
    text = not_null(given)
    if not old.text:
        # The search for an empty text stops advancing at the byte that terminates that text: 5.6.3 hangs or overruns.
        if old.first in text:
            raise CannotEvaluate("nothing to look for")
        return Value(text)
    if old_at is None and new_at is None and b"\0" not in old.text + new:
        result = text.replace(old.text, new)
    else:
        result = _replaced_in_buffer(text, old.text, new, old_at, new_at)
    if len(result) > MAX_RESULT_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(result)


_TAKES_BUFFER = re.compile(
    rb"\{[ \t\r\n]*(?:s\.(?!len|int|count|corehash|decode\.base58)|uri\.(?:saor|[sd]uri|tosocket)|urialias\.)",
    re.IGNORECASE,
)
_BLANKS_GO = re.compile(rb"\{[ \t\r\n]*s\.[ \t\r\n]*l?trim[ \t\r\n]*\}", re.IGNORECASE)
_MAY_COPY_NOTHING = re.compile(rb"\{[ \t\r\n]*s\.[ \t\r\n]*un(?:quote|bracket)[ \t\r\n]*\}", re.IGNORECASE)
_BLANKS = b" \t\r\n"
_LEAST_COPIED = 2
"""TR_S_UNQUOTE and TR_S_UNBRACKET leave a shorter value where it is."""


def _place(given: Input, position: int) -> int | None:
    """
    How far behind the start of the result an argument stands; None where it stands elsewhere.

    It is in that buffer when its own transformations were the last that took one (pv_trans.c, tr_set_crt_buffer).
    """
    written = [each.text if isinstance(each, Expression) else b"" for each in given.arguments[position:]]
    links = links_of(written[0])
    if not links or not _TAKES_BUFFER.match(written[0], links[-1]) or any(b"{" in later for later in written[1:]):
        return None
    link = written[0][links[-1] :].removesuffix(b")")
    if _BLANKS_GO.match(link) is None and _MAY_COPY_NOTHING.match(link) is None:
        return 0
    before = given.resolve(written[0][: links[-1]] + b")").text or b""
    if _BLANKS_GO.match(link) is not None:
        return len(before) - len(before.lstrip(_BLANKS))
    return 0 if len(before) >= _LEAST_COPIED else None


def _replaced_in_buffer(text: bytes, old: bytes, new: bytes, old_at: int | None, new_at: int | None) -> bytes:
    """
    The result where ``new``, or else ``old``, stands in the buffer that the result is written to, or one has a NUL.

    What the transformations of an argument leave is still read while the result is written over it. A text ends for
    strncmp and strncpy at its NUL, and what is missing of it is filled with NUL.
    """
    is_old, is_new = old_at is not None and new_at is None, new_at is not None
    at_old, at_new = old_at or 0, new_at or 0
    buffer = bytearray(at_new) + new if is_new else bytearray(at_old) + old if is_old else bytearray()
    wanted = _up_to_nul(old)
    at = done = written = 0
    while at < len(text):
        if is_old and written < at_old + len(old):
            wanted, written = _up_to_nul(bytes(buffer[at_old : at_old + len(old)])), done
        if at + len(old) <= len(text) and text.startswith(wanted, at):
            put = bytes(buffer[at_new : at_new + len(new)]) if is_new else new
            put = put.partition(b"\0")[0].ljust(len(new), b"\0")
            at += len(old)
        else:
            put = text[at : at + 1]
            at += 1
        buffer[done : done + len(put)] = put
        done += len(put)
    return bytes(buffer[:done])


def _up_to_nul(text: bytes) -> bytes:
    return text[: text.find(b"\0") + 1] or text


@register("s.prefixes", "all prefixes with commas between; limit 0 is no limit", _SOURCE, takes("?n"), "[,limit]")
def _prefixes(given: Input) -> Value:
    return _all_prefixes(given, b"%s", 3)


@register("s.prefixes.quoted", "the same, each in single quotes", _SOURCE, takes("?n"), "[,limit]")
def _prefixes_quoted(given: Input) -> Value:
    return _all_prefixes(given, b"'%s'", 1)


def _all_prefixes(given: Input, form: bytes, overhead: int) -> Value:
    text = not_null(given)
    longest = len(text)
    if given.arguments and 0 < (limit := given.number(0)) < longest:
        longest = limit
    if longest * (longest // 2 + overhead) > MAX_RESULT_BYTES:
        raise CannotEvaluate("prefixes: the result is too big")
    return Value(b",".join(form % text[:size] for size in range(1, longest + 1)))


def _parse_fmtline(scanner: Scanner) -> Arguments:
    arguments = takes("nn")(scanner)
    if any(isinstance(each, int) and each < 0 for each in arguments):
        raise CannotEvaluate("fmtlines: a number is negative")
    return arguments


@register(
    "s.fmtlines", "a line end and blanks before bytes 2 to width (a bug)", _SOURCE, _parse_fmtline, ",width,indent"
)
def _fmtlines(given: Input) -> Value:
    return _formatted(given, b" ")


@register("s.fmtlinet", "the same with tabs", _SOURCE, _parse_fmtline, ",width,indent")
def _fmtlinet(given: Input) -> Value:
    return _formatted(given, b"\t")


def _formatted(given: Input, pad: bytes) -> Value:
    text, width, indent = not_null(given), given.number(0), given.number(1)
    # A sum beyond 32 bits is a negative one.
    if width <= 0 or indent < 0 or wrap(len(text) + len(text) // width * wrap(2 + indent)) > MAX_RESULT_BYTES - 1:
        raise CannotEvaluate("fmtlines: out of range")
    if max(min(width, len(text)) - 1, 0) * (2 + indent) + len(text) > MAX_RESULT_BYTES:
        raise CannotEvaluate("fmtlines: the result is too big")
    # When the indent is at least as long as the text, 5.6.3 copies the text to its output and reads it from there.
    is_overwritten = indent >= len(text)
    out = bytearray()
    for at, octet in enumerate(text):
        # Kamailio tests "(i/n)==0" where it means "(i%n)==0", so only the first line is broken up.
        if 0 < at < width:
            out += b"\r\n" + pad * indent
        out.append(out[at] if is_overwritten and at < len(out) else octet)
    return Value(bytes(out))
