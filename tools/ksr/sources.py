"""
The functions of KEMI as Kamailio's C sources have them: tables of ``sr_kemi_t``, and the C functions they name.

Must not know what a running Kamailio says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.ksr.functions import Function, Parameter

if TYPE_CHECKING:
    from pathlib import Path

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_TABLE = re.compile(r"\bsr_kemi_t\s+\w+\[\]\s*=\s*\{(.*?)\};", re.DOTALL)
_ROW = re.compile(
    r'\{\s*str_init\("(\w*)"\)\s*,\s*str_init\("(\w+)"\)\s*,\s*SR_KEMIP_(\w+)\s*,\s*(\w+)\s*,\s*\{(.*?)\}\s*\}',
    re.DOTALL,
)
_LAST_WORD = re.compile(r"(\w+)\s*(?:\[\])?\s*$")


def functions(root: Path) -> list[Function]:
    """
    Every function that the sources of a Kamailio export, in the order of their names.

    Where several modules export the same function, it is there once, with the names of all of them.

    Args:
        root: The directory of the sources, which has ``src``.
    """
    found: dict[tuple[object, ...], Function] = {}
    for path in sorted((root / "src").rglob("*.c")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if "sr_kemi_t" not in text:
            continue
        text = _COMMENT.sub("", text)
        directory = path.relative_to(root / "src").parts
        file = f"{directory[1]}.so" if directory[0] == "modules" else ""
        for table in _TABLE.finditer(text):
            for row in _ROW.finditer(table[1]):
                module, name, ret, function, kinds = row.groups()
                parameters = _parameters(path, text, function, kinds)
                key = (module, name, tuple(each.kind for each in parameters), ret)
                files = (*(found[key].files if key in found else ()), *([file] if file else []))
                found[key] = Function(module, name, parameters, ret.lower(), files)
    return sorted(found.values())


def _parameters(path: Path, text: str, function: str, kinds: str) -> tuple[Parameter, ...]:
    """The parameters of one row, with the names that the C function has for them."""
    given = [kind.lower() for kind in re.findall(r"SR_KEMIP_(\w+)", kinds)]
    given = given[: given.index("none")] if "none" in given else given
    names = _names(text, function)
    if names is None:
        beside = (other.read_text(encoding="utf-8", errors="replace") for other in sorted(path.parent.glob("*.[ch]")))
        names = next((found for other in beside if (found := _names(_COMMENT.sub("", other), function))), None)
    if names is None or len(names) != len(given) or len(set(names)) != len(names):
        names = [f"p{number}" for number in range(1, len(given) + 1)]
    return tuple(Parameter(kind, name) for kind, name in zip(given, names, strict=True))


def _names(text: str, function: str) -> list[str] | None:
    """The parameters of a C function after the first, which is the message; None when it is not declared here."""
    found = re.search(rf"\b(?:int|void|sr_kemi_xval_t)\s*\*?\s*{function}\s*\(([^)]*)\)", text)
    if found is None:
        return None
    words = [_LAST_WORD.search(each) for each in found[1].split(",")]
    return [word[1].lstrip("_") for word in words[1:] if word is not None]
