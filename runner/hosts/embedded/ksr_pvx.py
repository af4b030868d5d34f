"""
The functions of module pv that take the name of a variable without a ``$``: ``KSR.pvx``.

Facts: modules/pv/pv.c and pv_svar.c, core/xavp.c, the same in 5.6.3 and 6.0.1. Several are not what ``$avp`` and its
like do: some names are looked for in another list, and to ask whether an avp is null removes a value.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from runner.sip.params import parse_params
from runner.sip.scan import BLANKS, LONG_MAX, str2sint

from .context import XavpNode
from .ksr_function import FALSE, TRUE, Function, of_host, with_bytes
from .ksr_textops import check_writable
from .value import CannotEvaluate, Value, buffer_size
from .xavps import named, place_of, searched

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .host import MessageHost
    from .ksr_function import Answer, Call

_NULL = "<null>"
_IS_NULL, _IS_NOT_NULL = 1, -1


def _value(data: bytes | int) -> Value:
    return Value.integer(data) if isinstance(data, int) else Value(data)


def _answer(value: Value | list[XavpNode] | None, default: str | None) -> str | int | None:
    """What KSR gives for a stored value."""
    if isinstance(value, list):
        return place_of(value).decode("ascii")
    if value is None or value.is_null:
        return default
    if value.is_integer and value.number is not None:
        return value.number
    return (value.text or b"").decode("utf-8", "surrogateescape")


def _set_variable(context: Context, name: bytes, data: bytes | int) -> int:
    if not name:
        return FALSE
    context.process.script_variables["var", name] = _value(data)
    return TRUE


def _variable(context: Context, name: bytes) -> str | int | None:
    return _answer(context.process.script_variables.get(("var", name), Value.integer(0)), None)


def _add_avp(context: Context, name: bytes, data: bytes | int) -> int:
    if not name:
        return FALSE
    context.avps.insert(0, (name, _value(data)))
    return TRUE


def _avp(context: Context, name: bytes, default: str | None) -> str | int | None:
    return _answer(next((value for key, value in context.avps if key == name), None), default)


def _remove_avp(context: Context, name: bytes) -> int:
    at = next((at for at, (key, _) in enumerate(context.avps) if key == name), None)
    if at is not None:
        del context.avps[at]
    return TRUE


def _is_avp_null(context: Context, name: bytes) -> int:
    """ki_avp_is_null: the first value is removed before it looks."""
    _remove_avp(context, name)
    return _IS_NOT_NULL if any(key == name for key, _ in context.avps) else _IS_NULL


def _evaluate(host: MessageHost, name: bytes, text: bytes) -> int:
    """ki_pv_evalx."""
    check_writable(host, name)
    host.assign(name, host.printed(text))
    return TRUE


def _get_long(host: MessageHost, name: bytes) -> int:
    """core/kemi.c, sr_kemi_pv_getl."""
    try:
        value = host.evaluate(name)
    except CannotEvaluate:
        return 0
    if value.number is not None:
        return value.number
    return str2sint(value.text or b"", LONG_MAX) or 0


def _folded(kind: str, name: bytes) -> bytes:
    """The names of an xavi have no case."""
    return name.lower() if kind == "xavi" else name


def _first(nodes: list[XavpNode], kind: str, name: bytes) -> XavpNode | None:
    return next(iter(named(nodes, _folded(kind, name))), None)


def _root(context: Context, kind: str, name: bytes) -> XavpNode | None:
    return _first(context.xavps[kind], kind, name) if name else None


def _child(context: Context, kind: str, root: bytes, name: bytes) -> XavpNode | None:
    """Those of an xavu are looked for as those of an xavp are: where the list was emptied, among all xavps."""
    node = _root(context, kind, root)
    if node is None or not isinstance(node.value, list):
        return None
    outer = context.xavps["xavi" if kind == "xavi" else "xavp"]
    return _first(searched(node.value, outer), kind, name) if name else None


def _xav(context: Context, name: bytes, *, kind: str, default: str | None) -> str | int | None:
    node = _root(context, kind, name)
    return default if node is None else _answer(node.value, default)


def _xav_child(context: Context, root: bytes, name: bytes, *, kind: str, default: str | None) -> str | int | None:
    node = _child(context, kind, root, name)
    return default if node is None else _answer(node.value, default)


def _is_null(context: Context, name: bytes, *, kind: str) -> int:
    node = _root(context, kind, name)
    return _IS_NULL if node is None or node.value is None else _IS_NOT_NULL


def _is_child_null(context: Context, root: bytes, name: bytes, *, kind: str) -> int:
    """ki_xavu_child_is_null looks for an xavp."""
    node = _child(context, "xavp" if kind == "xavu" else kind, root, name)
    return _IS_NULL if node is None or node.value is None else _IS_NOT_NULL


def _set(context: Context, name: bytes, data: bytes | int, *, kind: str) -> int:
    """A new xavp or xavi in front; an xavu in place of the one that there is."""
    if not name:
        return FALSE
    node = _root(context, kind, name) if kind == "xavu" else None
    if node is None:
        context.xavps[kind].insert(0, XavpNode(_folded(kind, name), _value(data)))
    else:
        node.value = _value(data)
    return TRUE


def _set_child(context: Context, root: bytes, name: bytes, data: bytes | int, *, kind: str) -> int:
    """xavp_set_child_xval and its like: what has no list goes, but for an xavu, which is only hidden."""
    nodes, node = context.xavps[kind], _root(context, kind, root)
    child = XavpNode(_folded(kind, name), _value(data))
    if node is not None and isinstance(node.value, list):
        if not name:
            return FALSE
        same = _first(node.value, kind, name)
        node.value[:] = [child, *(each for each in node.value if each is not same)]
        return TRUE
    if node is not None and kind != "xavu":
        nodes[:] = [each for each in nodes if each is not node]
    if not name or not root:
        return FALSE
    nodes.insert(0, XavpNode(_folded(kind, root), [child]))
    return TRUE


def _drop(nodes: list[XavpNode], kind: str, name: bytes) -> int:
    """Of an xavu all of that name, and it has to have one; else the first."""
    if kind == "xavu" and not name:
        return FALSE
    found = named(nodes, _folded(kind, name)) if name else []
    gone = found if kind == "xavu" else found[:1]
    nodes[:] = [node for node in nodes if all(node is not each for each in gone)]
    return TRUE


def _remove(context: Context, name: bytes, *, kind: str) -> int:
    return _drop(context.xavps[kind], kind, name)


def _remove_child(context: Context, root: bytes, name: bytes, *, kind: str) -> int:
    node = _root(context, kind, root)
    return _drop(node.value, kind, name) if node is not None and isinstance(node.value, list) else TRUE


def _add_list(context: Context, name: bytes, children: list[XavpNode]) -> int:
    """A new xavp in front, with these values."""
    if not name or not all(child.name for child in children):
        return FALSE
    context.xavps["xavp"].insert(0, XavpNode(name, children))
    return TRUE


def _explode_params(context: Context, text: bytes, name: bytes) -> int:
    return _explode_params_between(context, text, b";", name)


def _explode_params_between(context: Context, text: bytes, separator: bytes, name: bytes) -> int:
    """pv_xavp.c, xavp_xparams_explode."""
    params = parse_params(text.removesuffix(b";"), separator[:1] or b"\0", is_6=context.environment.is_6)
    if not params:
        return FALSE
    return _add_list(context, name, [XavpNode(param.name, Value(param.body)) for param in params])


def _explode_list(context: Context, text: bytes, separators: bytes, mode: bytes, name: bytes) -> int:
    """pv_xavp.c, xavp_slist_explode: what stands between any of the separators, each value named v."""
    if not text or not separators:
        return FALSE
    parts = re.split(b"[" + re.escape(separators) + b"]", text)
    trimmed = [part.strip(BLANKS) for part in parts] if mode[:1] == b"t" else parts
    return _add_list(context, name, [XavpNode(b"v", Value(part)) for part in trimmed if part])


def _implode(host: MessageHost, name: bytes, to: bytes, *, kind: str, quote: bytes = b"") -> int:
    """core/xavp.c, xavp_serialize_fields_style: numbers without a sign, what is no number or text left out."""
    node = _root(host.context, kind, name)
    check_writable(host, to)
    if node is None or not isinstance(node.value, list):
        return FALSE
    is_6 = host.context.environment.is_6
    text = b"".join(_printed(child, quote, is_6=is_6) for child in node.value)
    if not text or len(text) >= buffer_size(is_6=is_6):
        return FALSE
    host.assign(to, text)
    return TRUE


def _printed(child: XavpNode, quote: bytes, *, is_6: bool) -> bytes:
    value = child.value
    if value is None or isinstance(value, list) or value.is_null:
        return b""
    if value.is_integer and value.number is not None:
        return b"%b=%d;" % (child.name, value.number % (1 << (64 if is_6 else 32)))
    return b"%b=%b%b%b;" % (child.name, quote, value.text, quote) if value.text else child.name + b";"


def _in_three_forms(name: str, parameters: str, get: Callable[..., Answer]) -> dict[str, Function]:
    return {
        f"pvx.{name}_get{form}": Function(parameters, with_bytes(partial(get, default=default)))
        for form, default in (("", None), ("e", ""), ("w", _NULL))
    }


def _of_kind(kind: str) -> dict[str, Function]:
    def made(call: Callable[..., Answer]) -> Call:
        return with_bytes(partial(call, kind=kind))

    return {
        **_in_three_forms(kind, "s", partial(_xav, kind=kind)),
        **_in_three_forms(f"{kind}_child", "ss", partial(_xav_child, kind=kind)),
        f"pvx.{kind}_is_null": Function("s", made(_is_null)),
        f"pvx.{kind}_rm": Function("s", made(_remove)),
        f"pvx.{kind}_seti": Function("si", made(_set)),
        f"pvx.{kind}_sets": Function("ss", made(_set)),
        f"pvx.{kind}_child_is_null": Function("ss", made(_is_child_null)),
        f"pvx.{kind}_child_rm": Function("ss", made(_remove_child)),
        f"pvx.{kind}_child_seti": Function("ssi", made(_set_child)),
        f"pvx.{kind}_child_sets": Function("sss", made(_set_child)),
    }


FUNCTIONS: dict[str, Function] = {
    "pv.getl": Function("s", of_host(_get_long), since_6=True),
    **_in_three_forms("avp", "s", _avp),
    "pvx.avp_is_null": Function("s", with_bytes(_is_avp_null)),
    "pvx.avp_rm": Function("s", with_bytes(_remove_avp)),
    "pvx.avp_seti": Function("si", with_bytes(_add_avp)),
    "pvx.avp_sets": Function("ss", with_bytes(_add_avp)),
    "pvx.evalx": Function("ss", of_host(_evaluate)),
    "pvx.xavp_params_explode": Function("ss", with_bytes(_explode_params)),
    "pvx.xavp_params_implode": Function("ss", of_host(partial(_implode, kind="xavp"))),
    "pvx.xavp_params_implode_qval": Function("ss", of_host(partial(_implode, kind="xavp", quote=b'"')), since_6=True),
    "pvx.xavp_slist_explode": Function("ssss", with_bytes(_explode_list)),
    "pvx.xavp_xparams_explode": Function("sss", with_bytes(_explode_params_between), since_6=True),
    "pvx.xavu_params_implode": Function("ss", of_host(partial(_implode, kind="xavu"))),
    "pvx.var_get": Function("s", with_bytes(_variable)),
    "pvx.var_seti": Function("si", with_bytes(_set_variable)),
    "pvx.var_sets": Function("ss", with_bytes(_set_variable)),
    **_of_kind("xavp"),
    **_of_kind("xavi"),
    **_of_kind("xavu"),
}
"""Of pv, what works on variables of the script and of the message; and what KSR.pv has since 6.0."""
