"""
The Java source of ``SR.KSR``, made from lists of functions: one nested class a module of KEMI, one method a function.

A nested class is loaded when a script uses it, so what is not used costs a JVM nothing. Must not know where the lists
come from, nor who compiles the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .members import collected, load

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from .functions import Function
    from .members import Member

# JLS 3.9. A name that is one of these ends with an underscore in Java: the module enum is KSR.enum_.
KEYWORDS = frozenset(
    """
    abstract assert boolean break byte case catch char class const continue default do double else enum extends false
    final finally float for goto if implements import instanceof int interface long native new null package private
    protected public return short static strictfp super switch synchronized this throw throws transient true try void
    volatile while _
    """.split()  # noqa: SIM905  # readable as it is
)
TYPES = {"none": "void", "int": "int", "long": "long", "bool": "boolean", "str": "String", "xval": "XVal"}
RESULTS = {
    "none": "KSR.call({});",
    "int": "return Host.number(KSR.call({}), 0);",
    "bool": "return KSR.isTrue({});",
    "str": "return new XVal(KSR.call({})).text();",
    "xval": "return new XVal(KSR.call({}));",
}
LOADED = '{{@code loadmodule "{}"}}'


def source(
    by_hand: str,
    lists: Mapping[str, Collection[Function]],
    *,
    is_refused: Callable[[str], bool] = lambda _: False,
) -> str:
    """
    The class ``KSR`` with each function of these lists.

    Args:
        by_hand: The source of the class with what is written by hand; the rest is added at its end.
        lists: As for ``collected``.
        is_refused: As for ``collected``.
    """
    parts = [by_hand.rstrip().removesuffix("}")]
    for module in collected(lists, is_refused=is_refused):
        if not module.name:
            parts += [_method(member, "    ") for member in module.members]
            continue
        where = load(module.files, LOADED) or "part of Kamailio's core"
        name = _name(module.name)
        parts.append(
            f"\n    /** The functions of {module.name}: {where}. */\n"
            f"    public static final class {name} {{\n        private {name}() {{\n        }}\n"
        )
        parts += [_method(member, "        ") for member in module.members]
        parts.append("    }\n")
    return "".join([*parts, "}\n"])


def _method(member: Member, indent: str) -> str:
    function = member.function
    parameters = ", ".join(f"{TYPES[each.kind]} {_name(each.name)}" for each in function.parameters)
    arguments = ", ".join([f'"{function.full_name}"', *(_name(each.name) for each in function.parameters)])
    where = load(function.files, LOADED)
    return (
        f"\n{indent}/** {{@code {member.signature}}}{'' if not where else f' of {where}'}. {member.remarks} */\n"
        f"{indent}public static {TYPES[function.ret]} {_name(function.name)}({parameters}) {{\n"
        f"{indent}    {RESULTS[function.ret].format(arguments)}\n{indent}}}\n"
    )


def _name(name: str) -> str:
    return f"{name}_" if name in KEYWORDS else name
