"""
What ``app-mono pv list`` and ``app-mono pv get`` print, and docs/pseudo-variables.md, from the registry.

``python -m runner.hosts.embedded.pv.listing > docs/pseudo-variables.md`` rewrites the page.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from . import expression, families, registry, select, transform  # noqa: F401 - families fills the registries

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context
    from runner.hosts.embedded.value import Value

    from .registry import Variable
    from .transform import Transformation

_HEAD = """\
# Pseudo-variables of the embedded host

Generated from the registry by `python -m runner.hosts.embedded.pv.listing`; do not edit.

A variable that is not writable accepts a write and does nothing, as in Kamailio. The source names Kamailio's module,
file and function in version 5.6.3, or 6.0.1 for what it has not, where the behaviour was read.
"""

_TRANSFORMATIONS = """
## Transformations

Written behind a name, any number of them, `$(rU{s.substr,0,3}{s.len})`; a parameter may be a variable. A write ignores
them, as in Kamailio.

| transformation | meaning | source |
| --- | --- | --- |
"""

_SELECTS = """
## Selects

What `$sel(name)` takes, in any case of letters. `NAME` is any name, or any text as `["text"]`; `[n]` is a number; what
is in parentheses may be missing. Behind a select with `<uri>` may follow what the list says of `<uri>`, and so on.

| select | also | followed by |
| --- | --- | --- |
"""


def find(containing: str = "") -> list[Variable]:
    """Every variable whose name or meaning contains the text; sorted by family and name."""
    return registry.variables(containing)


def form(variable: Variable) -> str:
    """How it is written, for example ``$(hdr(name)[i])``."""
    name = f"{variable.name}(name)" if variable.parse_name is not None else variable.name
    return f"$({name}[i])" if variable.takes_index else f"${name}"


def step(transformation: Transformation) -> str:
    """How a transformation is written, for example ``{s.substr,offset,length}``."""
    return f"{{{transformation.name}{transformation.parameters}}}"


def meaning(found: Variable | Transformation) -> str:
    """What it means, and since which version it is there where that is not 5.6."""
    return f"{found.meaning.removesuffix('.')}, since {found.since}" if found.since else found.meaning


def get(context: Context, text: str) -> Value:
    """
    The value of one expression.

    Raises:
        CannotEvaluate: It is malformed, unknown or fails.
    """
    return expression.read(context, text.encode("utf-8", "surrogateescape"))


def as_markdown() -> str:
    """The page docs/pseudo-variables.md."""
    out = [_HEAD]
    for family, found in groupby(find(), key=lambda variable: variable.family):
        out.append(f"\n## {family}\n\n| variable | meaning | writable | source |\n| --- | --- | --- | --- |\n")
        out += [
            f"| `{form(each)}` | {meaning(each)} | {'yes' if each.is_writable else 'no'} | {each.source} |\n"
            for each in found
        ]
    out.append(_SELECTS)
    out += [f"| `{each.text}` | {_code(each.aliases)} | {_code(each.further)} |\n" for each in select.spelled()]
    out.append(_TRANSFORMATIONS)
    out += [f"| `{step(each)}` | {meaning(each)} | {each.source} |\n" for each in transform.transformations()]
    return "".join(out)


def _code(texts: tuple[str, ...]) -> str:
    return " ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
