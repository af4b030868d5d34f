"""``{line.*}``: lines of a text, without their line ends. A null or empty value fails."""

from __future__ import annotations

from runner.hosts.embedded.pv.transform import Input, register, takes
from runner.hosts.embedded.value import Value

_SOURCE = "modules/pv/pv_trans.c, tr_eval_line"


def _line(given: Input, text: bytes) -> Value:
    return Value(text.removesuffix(b"\r"), is_printed=given.value.is_printed)


@register("line.count", "how many lines, as text: the integer type is lost", _SOURCE)
def _count(given: Input) -> Value:
    text = given.needs_text()
    return Value(b"%d" % (text.count(b"\n") + (not text.endswith(b"\n"))), is_printed=True)


@register("line.sw", "the first line that starts with a text", _SOURCE, takes("s"), ",text")
def _sw(given: Input) -> Value:
    text, wanted = given.needs_text(), given.string(0).text
    if text.startswith(wanted):
        start = 0
    else:
        start = text.find(b"\n" + wanted) + 1
        if start == 0:
            return Value(b"")
    # The search for the line end starts after the wanted text, which may itself contain line ends.
    end = text.find(b"\n", start + len(wanted))
    return _line(given, text[start:] if end < 0 else text[start:end])


@register("line.at", "the line at a position; negative counts from the end", _SOURCE, takes("n"), ",index")
def _at(given: Input) -> Value:
    text, index = given.needs_text(), given.number(0)
    if index < 0:
        return _line(given, _from_end(text, -index))
    lines = text.split(b"\n", index + 1) if index < len(text) + 1 else []
    return _line(given, lines[index] if index < len(lines) else b"")


def _from_end(text: bytes, position: int) -> bytes:
    """
    Return the line at a position counted from the end; 1 is the last.

    A search skips the byte where it starts, so when two line ends follow each other, the line before keeps one.
    """
    last = len(text) - 1 - text.endswith(b"\n")
    before = text.rfind(b"\n", 0, max(last, 0))
    found = 1
    while found < position and before >= 0:
        last = before - 1
        before = text.rfind(b"\n", 0, max(last, 0))
        found += 1
    if found != position:
        return b""
    return text[before + 1 : last + 1]
