"""
Compiler options in the comments of a source: ``// app-mono: -r:Helper.dll -unsafe``, with ``'`` in Visual Basic.

``-file:numbers.txt`` names a file that the script reads while it runs. The names go into the assembly, as a resource,
so that whoever has only the assembly finds them. Must not know how the compiler is run.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from .errors import BuildError

# A directive is a line of its own, anywhere in the source.
LINE = re.compile(r"^[ \t]*(?://|')[ \t]*app-mono:(?P<words>[^\r\n]*)", re.MULTILINE)
REFERENCE = re.compile(r"-(?:r|reference):(?P<name>[^,;]+)")
OPTION = re.compile(r"-unsafe[+-]?|-langversion:[A-Za-z0-9.-]+|-(?:define|d):[A-Za-z_]\w*(?:[;,][A-Za-z_]\w*)*")
FILE = re.compile(r"-file:(?P<name>(?!\.{1,2}$)[^,;/\\]+)")
EXPECTED = "-r:NAME.dll, -unsafe, -langversion:VERSION, -define:NAME or -file:NAME"
RESOURCE = "app-mono.files"
"""What the resource with the names is called in an assembly."""
# A resource stands in an assembly as it is (ECMA-335 II.24.2.4); a string of the source is UTF-16 there.
NAMED = re.compile(rb"^app-mono -file:(?P<name>[^\r\n\t]+)\t(?P<place>[^\r\n\t]+)$", re.MULTILINE)
MOST_FILES = 64


class File(NamedTuple):
    """
    A file that a script reads.

    Attributes:
        name: In the directory of the script.
        place: Where the source says so: its name, the line and the column.
    """

    name: str
    place: str


class Directives(NamedTuple):
    """
    What a source asks for.

    Attributes:
        references: Names of assemblies to reference; they are looked for beside the source and in mono's own directory.
        options: Other options, in the form that mcs takes; the other compilers take it as well.
        files: Files that the script reads.
    """

    references: tuple[str, ...]
    options: tuple[str, ...]
    files: tuple[File, ...] = ()


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
    files: dict[str, File] = {}
    for line in LINE.finditer(text):
        for word in re.finditer(r"\S+", line["words"]):
            row = text.count("\n", 0, line.start("words")) + 1
            column = line.start("words") + word.start() - (text.rfind("\n", 0, line.start("words")) + 1) + 1
            place = f"{name}:{row}:{column}"
            if found := REFERENCE.fullmatch(word[0]):
                references.append(found["name"])
            elif OPTION.fullmatch(word[0]):
                options.append(word[0])
            elif found := FILE.fullmatch(word[0]):
                files.setdefault(found["name"], File(found["name"], place))
            else:
                wrong.append(f"{place}: error: app-mono: expected {EXPECTED}, but {word[0]!r} came")
    if len(files) > MOST_FILES:
        wrong.append(f"{name}: error: app-mono: expected at most {MOST_FILES} files, got {len(files)}")
    if wrong:
        raise BuildError(f"{name} does not compile: {len(wrong)} error{'s' if len(wrong) > 1 else ''}", wrong)
    return Directives(tuple(dict.fromkeys(references)), tuple(dict.fromkeys(options)), tuple(files.values()))


def resource(files: tuple[File, ...]) -> bytes:
    """What an assembly carries of its files, with the source's name alone; ``files_of`` reads it."""
    return b"\n" + b"".join(
        f"app-mono -file:{file.name}\t{file.place.rpartition('/')[2]}\n".encode("utf-8", "replace") for file in files
    )


def files_of(assembly: bytes) -> tuple[File, ...]:
    """The files that an assembly, from a source with such directives, reads; at most ``MOST_FILES``."""
    found = {words["name"]: words["place"] for words in itertools.islice(NAMED.finditer(assembly), MOST_FILES)}
    texts = (
        (name.decode("utf-8", "surrogateescape"), place.decode("utf-8", "replace")) for name, place in found.items()
    )
    return tuple(File(name, place) for name, place in texts if FILE.fullmatch(f"-file:{name}") and "\0" not in name)
