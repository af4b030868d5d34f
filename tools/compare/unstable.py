"""
What a real Kamailio itself makes unstable: the one list of what is not compared, each with its reason.

A pattern is searched in the step as it is printed. As short as possible: what only looks unstable is asked of the real
Kamailio again, in a fresh process, before it counts as a difference.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.calls import MODF_CANNOT_RUN
from runner.hosts.kamailio import guards, names
from runner.installed import version
from runner.sip import SipParseError, parse
from runner.sip.via import first_via
from tools.compare.cases import KSR, NOT_ASKED
from tools.compare.embedded import EmbeddedSide

if TYPE_CHECKING:
    from runner.sip.message import SipMessage
    from tools.compare.cases import Answer, Case, Played, Step

UNSTABLE = (
    (r"\$\(?(T[bSsfFV]\b|u?time\b|u?timef\b)", "the time"),
    (r"\$\(?(pp|mi|sruid)\b|sel\(@?(sys|msg\.id)", "numbers of the process, and of the messages it had"),
    (r"\$\(?(stat|version|ksr)\b", "counters and the version of the server"),
    (
        r"sel\(.*\{s\.decode\.base58\}",
        "an empty value is read on up to a NUL, and where it stands is not known of a select",
    ),
    (r"\{s\.((en|de)code\.7bit|rbefore)", "reads past the end of the value"),
    (r"\{urialias\.decode", "the old content of a buffer of 64 KiB"),
)
"""Steps whose answer is not compared."""

UNSTABLE_BEFORE_6 = (
    (r"\{uri\.([sd]uri|saor)", "one byte behind the scheme is left unwritten (pv_trans.c, TR_URI_SAOR)"),
)
"""The same, where Kamailio is older than 6.0."""

LEFT_OUT = (
    (r"\$\(?T\(id_", "makes a transaction, and the same message is a retransmission then"),
    (r"\{s\.(replace,\s*\\?,|rm,\s*\\?\}|rbefore)", "an endless loop, or a read past the end that crashes"),
    (r"\{s\.fmtline[st],[^,}]*,(99999|\$ml)\}", "writes behind its buffer, when the value has two bytes or more"),
    (r"^PV\.(Set[SI]|Unset) \$\(?msgbuf", "what was parsed before keeps its old boundaries (docs/deviations.md)"),
)
"""Steps that are never made, as nothing behind them can be compared."""

_UNSTABLE, _UNSTABLE_BEFORE_6, _LEFT_OUT = (
    [(re.compile(pattern, re.IGNORECASE), why) for pattern, why in table]
    for table in (UNSTABLE, UNSTABLE_BEFORE_6, LEFT_OUT)
)


def is_left_out(step: Step) -> bool:
    """Whether a step may not be made."""
    text = " ".join(map(str, step))
    return any(pattern.search(text) for pattern, _ in _LEFT_OUT)


def reason(step: Step) -> str | None:
    """Why the answer of a step is not compared; None when it is."""
    text = " ".join(map(str, step))
    table = _UNSTABLE if version() == "6.0" else _UNSTABLE + _UNSTABLE_BEFORE_6
    return next((why for pattern, why in table if pattern.search(text)), None)


_APPLIED, _MULTIPART = ("Core.ModF", "msg_apply_changes"), ("Core.ModF", "set_body_multipart")
_BUILD_BY_KSR = {"textopsx.msg_apply_changes", "textopsx.msg_set_buffer"}
_UPDATED = ("PV.GetS", "$mbu")
_FOR_REQUESTS = {("Core.ModF", name) for name in ("t_relay_cancel", "t_release")}
_BY_ACTION = {"textops.set_body_multipart_mode", "setuser", "sethost"}  # they are looked at first, or called otherwise
_ERRORS = {"sl_reply_error", "sl.sl_reply_error", "sl.send_reply_error"}
_R_URI_PART = re.compile(r"\$\(?r(U|d|p|uri\.)")
_LONG_URI = 900
_VIA_UP_TO_CR = re.compile(rb"\A\s*[^\n]*\n(?:via|v)[ \t]*:[^\r\n]*\r(?!\n)", re.IGNORECASE)
_OF_BROKEN = re.compile(r"\A\$\(?(ai|p[uUdn])\b|sel\(@?(msg|message)\.h(eader)?\)", re.IGNORECASE)
_PLACE = re.compile("<<xavp:0x[0-9a-f]+>>")
RETURN_CODE = re.compile(r"\$\(?(\?|rc\b|retcode\b)")
_DECODED = re.compile(r"(\$\(.*)\{s\.urldecode\.param\}", re.IGNORECASE | re.DOTALL)
_ESCAPE_AT_THE_END = re.compile(r"%.?\Z", re.DOTALL)
_REPLACE = re.compile(r"\s*s\s*\.\s*replace\s*,(.*)", re.IGNORECASE | re.DOTALL)
_OF_A_REGISTER = 32  # bytes; strncpy of glibc takes more in several steps, and each sees what the last one wrote
_COUNT = re.compile(r"\$\(?hflc\(")
_ADDRESS = re.compile(r"\$\(?(ai|pu|di)\b")
_ADDRESSES = {b"p-asserted-identity", b"p-preferred-identity", b"diversion"}
_WITHOUT_BOUNDS = re.compile(r"\$\(?pcv\(|\{s\.(fmtline[st]|(replace|rm),\s*[,}])", re.IGNORECASE)
_JSON = re.compile(r"\{val\.json", re.IGNORECASE)
_MAKES_BYTES = re.compile(r"code.*\{val\.json", re.IGNORECASE)


def until_refused(case: Case, expected: Played, got: Played) -> tuple[Played, Played]:
    """
    Both plays, up to a call that ours refuses inside Kamailio, as docs/kamailio.md says.

    A function of a transaction that is refused on a reply just has no answer to compare, nor has its return code, a read
    that would write or read beyond a buffer, one of an iterator, a place in memory, or one of a list that earlier reads
    made longer.
    """
    answers = list(got.answers)
    has_same_code = True
    for number, pair in enumerate(zip(expected.answers, got.answers, strict=False)):
        step = case.steps[number]
        if _leaves_another_message(case, number, pair):
            cut = [replace(side, answers=side.answers[:number], forwarded=(), replies=()) for side in (expected, got)]
            return cut[0], cut[1]
        is_beyond = pair[1] in {None, 0, -1} and _WITHOUT_BOUNDS.search(str(step[1])) is not None
        is_beyond |= pair[0] != pair[1] and _is_json_of_bytes(case, step)
        # Each search that fails lists the headers in front of the broken one again, and all headers have no length.
        is_of_broken = pair[0] != pair[1] and _OF_BROKEN.search(str(step[1])) is not None
        if is_of_broken and _is_broken(_message_behind(case, number)):
            answers[number] = NOT_ASKED
        if step[0] == "Core.ModF" and (pair[0] != pair[1] or pair[1] != MODF_CANNOT_RUN):
            has_same_code = pair[0] == pair[1]
        is_beyond |= not has_same_code and RETURN_CODE.search(str(step[1])) is not None
        is_beyond |= pair[0] != pair[1] and _ends_in_an_escape(case, number)
        is_beyond |= pair[0] != pair[1] and _is_copied_onto_itself(case, number)
        is_beyond |= pair[0] != pair[1] and _is_of_a_second_look(case, number, pair[0])
        is_beyond |= pair[0] != pair[1] and guards.ITERATORS.search(str(step[1])) is not None
        is_beyond |= pair[0] != pair[1] and _ADDRESS.search(str(step[1])) is not None and _has_open_address(case)
        # modules/pv/pv_xavp.c, pv_get_xavp: where the list lies in memory.
        is_beyond |= all(type(one) is str and _PLACE.search(one) is not None for one in pair)
        if is_beyond or (step in _FOR_REQUESTS and pair[1] == MODF_CANNOT_RUN):
            answers[number] = NOT_ASKED
    return expected, replace(got, answers=tuple(answers))


def _message_behind(case: Case, number: int) -> SipMessage | None:
    """The message when so many steps are done; None where Kamailio drops it."""
    return EmbeddedSide(kamailio=version()).message_after(case.with_steps(case.steps[:number]))


def _is_broken(message: SipMessage | None) -> bool:
    """Whether a header cannot be parsed, or no empty line follows them."""
    return message is None or message.broken_at is not None or message.body_start is None


def _ends_in_an_escape(case: Case, number: int) -> bool:
    """Whether ``{s.urldecode.param}`` is of a value that ends in an escape: it takes what is behind the value."""
    found = _DECODED.match(str(case.steps[number][1]))
    if found is None:
        return False
    reads = (*case.steps[:number], ("PV.GetS", f"{found[1]})"))
    value = EmbeddedSide(kamailio=version()).collect(case.with_steps(reads)).answers[-1:]
    return _ESCAPE_AT_THE_END.search(str(*value)) is not None


def _is_copied_onto_itself(case: Case, number: int) -> bool:
    """Whether ``{s.replace}`` may put in a long text that stands in the buffer of its result."""
    parts = names.split(str(case.steps[number][1]))
    links = () if parts is None else filter(None, map(_REPLACE.match, parts[1]))
    given = [names.parameters(link[1], may_end_with_comma=False) or [""] for link in links]
    reads = tuple(("PV.GetS", texts[-1]) for texts in given if "{" in texts[-1])
    if not reads:
        return False
    side = EmbeddedSide(kamailio=version(), garbles=False)
    values = side.collect(case.with_steps((*case.steps[:number], *reads))).answers[number:]
    return any(len(value.encode("utf-8", "surrogateescape")) > _OF_A_REGISTER for value in map(str, values))


def _is_of_a_second_look(case: Case, number: int, expected: Answer) -> bool:
    """Whether an answer by KEMI, which looks twice at a number, counts what only the second look finds."""
    if version() != "6.0" or _COUNT.match(str(case.steps[number][1])) is None:
        return False
    looks = case.with_steps((*case.steps[: number + 1], case.steps[number]))
    return EmbeddedSide(kamailio="6.0", garbles=False).collect(looks).answers[-1:] == (expected,)


def _has_open_address(case: Case) -> bool:
    """Whether a header may have an address of a length below zero, in the message or as a step adds it."""
    try:
        found = [header.body for header in parse(case.message).headers if header.type in _ADDRESSES]
    except SipParseError:
        return False
    texts = [body.decode("latin-1") for body in found]
    texts += [str(step[1]).strip() for step in case.steps if str(step[0]).startswith("HDR.")]
    return any(map(guards.OPEN_ADDRESS.search, texts))


def _makes_parts(step: Step) -> bool:
    return step == _MULTIPART or (step[0] == KSR and "_body_part" in str(step[1]))


def _leaves_another_message(case: Case, number: int, pair: tuple[Answer, Answer]) -> bool:
    step, before = case.steps[number], case.steps[:number]
    if step[0] == KSR and pair[0] != pair[1] and NOT_ASKED in pair:
        return True  # one of them refused what the other did
    if step[0] == KSR and step[1] in _BUILD_BY_KSR:
        step, pair = _APPLIED, pair[::-1]  # the real one is called with the care that ours takes inside Kamailio
    if step == _APPLIED and pair == (0, -1):
        return True  # it breaks the message; the real one says so, and crashes at the next step
    if step == _APPLIED and pair == (1, -1):
        # It leaves no Via, or a multipart body that the real one cannot build: it crashes when it sends.
        message = _message_behind(case, number + 1)
        if any(map(_makes_parts, before)) or message is None or first_via(message) is None:
            return True
        looks = case.with_steps((*before, case.steps[number], ("PV.IsNull", "$sel(via)")))
        has_via = EmbeddedSide(kamailio=version()).collect(looks).answers[-1:] == (0,)
        return case.steps[number][0] == KSR and (not has_via or bool(message.lacks))
    if pair[1] == MODF_CANNOT_RUN and _MULTIPART in case.steps and step in {_APPLIED, _MULTIPART}:
        return True  # the real one crashes when it builds the message, or builds it once more
    if step[1] in _ERRORS:  # it says the last error, which a look of ours may have set
        return any(guards.RISKY.search(" ".join(map(str, each))) or each[1] in _BY_ACTION for each in case.steps)
    # Bytes that are not UTF-8, a number and what a guard looks at take two looks.
    if "mbu" in str(step[1]) and ("{" in str(step[1]) or not _is_ascii(case)):
        return _is_changed_by_a_look(case, number)
    if step[0] == "HDR.Insert":  # a NUL or a CR ends the search for the place
        return (b"\0" in case.message and pair == (0, -1)) or _VIA_UP_TO_CR.search(case.message) is not None
    # It might get 1,024 bytes, and the real one writes a NUL behind them.
    is_written = step[0] in {"PV.SetS", "PV.Unset"} and _R_URI_PART.match(str(step[1])) is not None
    return is_written and pair == (0, -1) and _longest_uri(case) > _LONG_URI


def _is_changed_by_a_look(case: Case, number: int) -> bool:
    """Whether each look at the message with its edits changes it: its Content-Length, where the body is another."""
    reads = (*case.steps[:number], _UPDATED, _UPDATED)
    looks = EmbeddedSide(kamailio=version()).collect(case.with_steps(reads)).answers[number:]
    return len(set(looks)) > 1


def _is_json_of_bytes(case: Case, step: Step) -> bool:
    """Whether the text for JSON may be of bytes above 127: behind it is what the memory holds."""
    if _JSON.search(str(step[1])) is None:
        return False
    return not _is_ascii(case) or _MAKES_BYTES.search(str(step[1])) is not None


def _is_ascii(case: Case) -> bool:
    return case.message.isascii() and all(str(word).isascii() for step in case.steps for word in step)


def _longest_uri(case: Case) -> int:
    """How long the steps could make the R-URI, in bytes."""
    written = [str(step[2]) for step in case.steps if step[0] == "PV.SetS" and str(step[1]).startswith(("$r", "$(r"))]
    return len(case.message.split(b"\n", 1)[0]) + len("".join(written).encode("utf-8", "surrogatepass"))
