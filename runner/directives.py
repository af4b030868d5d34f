"""
Compiler options in the comments of a source: ``// app-mono: -r:Helper.dll -unsafe``, with ``'`` in Visual Basic.

Must not know how the compiler is run.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import BuildError

# A directive is a line of its own, anywhere in the source.
LINE = re.compile(r"^[ \t]*(?://|')[ \t]*app-mono:(?P<words>[^\r\n]*)", re.MULTILINE)
REFERENCE = re.compile(r"-(?:r|reference):(?P<name>[^,;]+)")
OPTION = re.compile(r"-unsafe[+-]?|-langversion:[A-Za-z0-9.-]+|-(?:define|d):[A-Za-z_]\w*(?:[;,][A-Za-z_]\w*)*")
EXPECTED = "-r:NAME.dll, -unsafe, -langversion:VERSION or -define:NAME"


class Directives(NamedTuple):
    """
    What a source asks for.

    Attributes:
        references: Names of assemblies to reference; they are looked for beside the source and in mono's own directory.
        options: Other options, in the form that mcs takes; the other compilers take it as well.
    """

    references: tuple[str, ...]
    options: tuple[str, ...]


def read(content: bytes, name: str) -> Directives:
    """
    Read the directives of a source.

    Args:
        content: The whole source, as bytes.
        name: The source's name in error messages.

    Raises:
        BuildError: A directive is not understood; file, line and column are in the diagnostics.
    """
    text = content.decode("utf-8", "replace")
    references, options, wrong = [], [], []
    for line in LINE.finditer(text):
        for word in re.finditer(r"\S+", line["words"]):
            if found := REFERENCE.fullmatch(word[0]):
                references.append(found["name"])
            elif OPTION.fullmatch(word[0]):
                options.append(word[0])
            else:
                row = text.count("\n", 0, line.start("words")) + 1
                column = line.start("words") + word.start() - (text.rfind("\n", 0, line.start("words")) + 1) + 1
                wrong.append(f"{name}:{row}:{column}: error: app-mono: expected {EXPECTED}, but {word[0]!r} came")
    if wrong:
        raise BuildError(f"{name} does not compile: {len(wrong)} error{'s' if len(wrong) > 1 else ''}", wrong)
    return Directives(tuple(dict.fromkeys(references)), tuple(dict.fromkeys(options)))
