"""``{re.subst,/expression/replacement/flags}``. A null or empty value fails."""

from __future__ import annotations

from functools import partial

from runner.hosts.embedded import substitution
from runner.hosts.embedded.pv.expression import length
from runner.hosts.embedded.pv.transform import Arguments, Input, Literal, Scanner, register
from runner.hosts.embedded.value import CannotEvaluate, Value

_SOURCE = "modules/textops/txt_var.c, tr_txt_eval_re; core/re.c, subst_parser, subst_run"
_MAX_BYTES = 8190  # TR_TXT_BUF_SIZE


def _parse_arguments(scanner: Scanner) -> Arguments:
    scanner.expect(b",")
    if scanner.byte == b"$":
        return (scanner.expression(),)
    start, depth = scanner.at, 0
    while scanner.byte != b"\0" and not (scanner.byte == b"}" and depth == 0):
        depth += (scanner.byte == b"{") - (scanner.byte == b"}")
        scanner.at += 1
    text = scanner.text[start : scanner.at]
    substitution.parse_subst(text, length)
    return (Literal(text, text[0]),)


@register(
    "re.subst",
    "matches of a POSIX extended expression replaced; \\1 groups, flags g i s",
    _SOURCE,
    _parse_arguments,
    ",/expression/replacement/flags",
)
def _subst(given: Input) -> Value:
    text = given.needs_text()
    subst = substitution.parse_subst(given.string(0).text, length)
    if len(text) > _MAX_BYTES:
        raise CannotEvaluate("the value is too big")
    found = substitution.run(subst, text, partial(_read, given))
    if not found:
        return given.value
    result = substitution.replaced(text, found)
    if len(result) > _MAX_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(result)


def _read(given: Input, name: bytes) -> Value:
    return given.resolve(b"$ru" if name == substitution.REQUEST_URI else name)
