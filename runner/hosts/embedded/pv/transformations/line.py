"""``{line.*}``: lines of a text, without their line ends. A null or empty value fails."""

from __future__ import annotations

from runner.hosts.embedded.pv.transform import Call, register, takes
from runner.hosts.embedded.value import Value

_SOURCE = "modules/pv/pv_trans.c, tr_eval_line"


def _line(call: Call, text: bytes) -> Value:
    return Value(text.removesuffix(b"\r"), is_printed=call.value.is_printed)


@register("line.count", "how many lines, as text: the integer type is lost", _SOURCE)
def _count(call: Call) -> Value:
    text = call.needs_text()
    return Value(b"%d" % (text.count(b"\n") + (not text.endswith(b"\n"))), is_printed=True)


@register("line.sw", "the first line that starts with a text", _SOURCE, takes("s"), ",text")
def _sw(call: Call) -> Value:
    text, wanted = call.needs_text(), call.string(0).text
    if text.startswith(wanted):
        start = 0
    else:
        start = text.find(b"\n" + wanted) + 1
        if start == 0:
            return Value(b"")
    # The search for the line end starts after the wanted text, which may itself contain line ends.
    end = text.find(b"\n", start + len(wanted))
    return _line(call, text[start:] if end < 0 else text[start:end])


@register("line.at", "the line at a position; negative counts from the end", _SOURCE, takes("n"), ",index")
def _at(call: Call) -> Value:
    text, index = call.needs_text(), call.number(0)
    if index < 0:
        return _line(call, _from_end(text, -index))
    lines = text.split(b"\n", index + 1) if index < len(text) + 1 else []
    return _line(call, lines[index] if index < len(lines) else b"")


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
