"""``{s.*}``: replace, remove, prefixes, lines."""

from __future__ import annotations

import re

from runner.hosts.embedded.pv.transform import (
    MAX_RESULT_BYTES,
    Arguments,
    Expression,
    Input,
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
    if old.text and (_stands_in_buffer(given, 1) or _stands_in_buffer(given, 0)):
        return Value(_replaced_over_itself(not_null(given), old.text, new, is_new=_stands_in_buffer(given, 1)))
    return _replaced(given, old.text, old.first, new)


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
    old = wanted.text
    if not hasattr(given.arguments[0], "first"):
        if _stands_in_buffer(given, 0):
            return Value(_replaced_over_itself(not_null(given), old, b"", is_new=False))
        return _replaced(given, old, wanted.first, b"")
    old = re.sub(rb"\\(.)", lambda found: _RM_ESCAPES.get(found.group(1), found.group(1)), old, flags=re.DOTALL)
    return _replaced(given, old, wanted.first, b"")


def _replaced(given: Input, old: bytes, first: int, new: bytes) -> Value:
    text = not_null(given)
    if old:
        return Value(text.replace(old, new))
    # The search for an empty text stops advancing at the byte that terminates that text: 5.6.3 hangs or overruns.
    if first in text:
        raise CannotEvaluate("nothing to look for")
    return Value(text)


_TAKES_BUFFER = re.compile(
    rb"\{[ \t\r\n]*(?:s\.(?!len|int|count|corehash|decode\.base58)|uri\.(?:saor|[sd]uri|tosocket)|urialias\.)",
    re.IGNORECASE,
)


def _stands_in_buffer(given: Input, position: int) -> bool:
    """Whether an argument is where the result will be: its own transformations were the last that took a buffer."""
    written = [each.text if isinstance(each, Expression) else b"" for each in given.arguments[position:]]
    links = links_of(written[0])
    is_in_one = bool(links) and _TAKES_BUFFER.match(written[0], links[-1]) is not None
    return is_in_one and not any(b"{" in later for later in written[1:])


def _replaced_over_itself(text: bytes, old: bytes, new: bytes, *, is_new: bool) -> bytes:
    """
    The result where ``old``, or else ``new``, stands at the start of the buffer that the result is written to.

    The transformations of an argument go on to the next buffer, and what they leave is still read while the result is
    written over it (modules/pv/pv_trans.c, tr_set_crt_buffer).
    """
    buffer = bytearray(new if is_new else old)
    wanted = old
    at = done = written = 0
    while at < len(text):
        if not is_new and written < len(old):
            wanted, written = bytes(buffer[: len(old)]), done
        if text.startswith(wanted, at):
            put = bytes(buffer[: len(new)]) if is_new else new
            at += len(old)
        else:
            put = text[at : at + 1]
            at += 1
        buffer[done : done + len(put)] = put
        done += len(put)
    return bytes(buffer[:done])


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
