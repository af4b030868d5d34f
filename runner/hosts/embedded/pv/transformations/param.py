"""``{param.*}``: lists of parameters. A null, empty or malformed list fails."""

from __future__ import annotations

from runner.hosts.embedded.pv.transform import Arguments, Expression, Input, Literal, Scanner, register
from runner.hosts.embedded.value import NOWHERE, CannotEvaluate, Value
from runner.sip.params import Param, find_param, parse_params

_SOURCE = "modules/pv/pv_trans.c, tr_eval_paramlist, tr_parse_paramlist"


def _parse_separator(scanner: Scanner, *, is_only: bool) -> tuple[Literal | Expression, ...]:
    """Parse an optional separator; a literal one must be one byte."""
    if scanner.byte != b",":
        return ()
    scanner.at += 1
    start = scanner.at
    separator = scanner.string(may_end_with_comma=is_only)
    if scanner.at - start != 1 and not (is_only and isinstance(separator, Expression)):
        raise CannotEvaluate("the separator must be one byte")
    scanner.skip_blanks()
    return (separator,) if isinstance(separator, Literal | Expression) else ()


def _parse_name(scanner: Scanner) -> Arguments:
    scanner.expect(b",")
    name = scanner.string()
    scanner.skip_blanks()
    return name, *_parse_separator(scanner, is_only=False)


def _parse_index(scanner: Scanner) -> Arguments:
    scanner.expect(b",")
    index = scanner.number()
    scanner.skip_blanks()
    return index, *_parse_separator(scanner, is_only=False)


def _parse_count(scanner: Scanner) -> Arguments:
    return _parse_separator(scanner, is_only=True)


def _params(given: Input, separator_at: int) -> tuple[Param, ...]:
    text = given.needs_text()
    separator = b";"
    if len(given.arguments) > separator_at:
        wanted = given.string(separator_at).text
        if isinstance(given.arguments[separator_at], Literal) and len(wanted) != 1:
            raise CannotEvaluate("the separator must be one byte")
        separator = wanted[:1]
    if len(text) > 1 and text.endswith(separator):
        text = text[:-1]
    params = parse_params(text, separator, is_6=given.is_6)
    if not params:
        raise CannotEvaluate("the value is no list of parameters")
    return params


@register("param.value", "the value of a parameter", _SOURCE, _parse_name, ",name[,separator]")
def _value(given: Input) -> Value:
    found = find_param(_params(given, 1), given.string(0).text)
    return Value(b"") if found is None else param_value(found)


def param_value(param: Param) -> Value:
    """Its value, ``NOWHERE`` for a name alone."""
    return NOWHERE if param.is_bare else Value(param.body)


@register("param.in", "1 if there is such a parameter, else 0", _SOURCE, _parse_name, ",name[,separator]")
def _in(given: Input) -> Value:
    return Value.integer(int(find_param(_params(given, 1), given.string(0).text) is not None))


def _at(given: Input) -> Param:
    params = _params(given, 1)
    index = given.number(0)
    return params[index] if -len(params) <= index < len(params) else Param(b"")


@register(
    "param.valueat",
    "the value at a position; negative counts from the end",
    _SOURCE,
    _parse_index,
    ",index[,separator]",
)
def _valueat(given: Input) -> Value:
    return param_value(_at(given))


@register(
    "param.name", "the name at a position; negative counts from the end", _SOURCE, _parse_index, ",index[,separator]"
)
def _name(given: Input) -> Value:
    return Value(_at(given).name)


@register("param.count", "how many parameters there are", _SOURCE, _parse_count, "[,separator]")
def _count(given: Input) -> Value:
    return Value.integer(len(_params(given, 0)))
