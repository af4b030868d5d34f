"""
What a source says in its comments: ``// app-mono: -r:Helper.dll -unsafe``, with ``'`` in Visual Basic, ``#`` in Python.

``-file:numbers.txt`` names a file that the script reads while it runs. Of a source that is compiled to an assembly the
names go into that, as a resource, so that whoever has only the assembly finds them. Must not know how the compiler is
run.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from .errors import BuildError, ScriptInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

# A directive is a line of its own, anywhere in the source.
LINE = r"^[ \t]*(?:{comment})[ \t]*app-mono:(?P<words>[^\r\n]*)"
REFERENCE = re.compile(r"-(?:r|reference):(?P<name>[^,;]+)")
OPTION = re.compile(r"-unsafe[+-]?|-langversion:[A-Za-z0-9.-]+|-(?:define|d):[A-Za-z_]\w*(?:[;,][A-Za-z_]\w*)*")
NAME = re.compile(r"(?!\.{1,2}$)[^,;/\\\0\r\n\t]+")
"""What a file that belongs to a build may be called: it lies beside the script."""
FILE = re.compile(f"-file:(?P<name>{NAME.pattern})")
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
        place: Where that is said: the source, the line and the column; or the setting.
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
    references, options, wrong = [], [], []
    files: dict[str, File] = {}
    for word, place in _words(content, name, "//|'"):
        if found := REFERENCE.fullmatch(word):
            references.append(found["name"])
        elif OPTION.fullmatch(word):
            options.append(word)
        elif found := FILE.fullmatch(word):
            files.setdefault(found["name"], File(found["name"], place))
        else:
            wrong.append(f"{place}: error: app-mono: expected {EXPECTED}, but {word!r} came")
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


def files_of(path: str, assembly: bytes) -> tuple[File, ...]:
    """The files that an assembly, from a source with such directives, reads; at most ``MOST_FILES``."""
    found = {words["name"]: words["place"] for words in itertools.islice(NAMED.finditer(assembly), MOST_FILES)}
    texts = (
        (name.decode("utf-8", "surrogateescape"), place.decode("utf-8", "replace")) for name, place in found.items()
    )
    return tuple(File(name, f"{path}: {place}") for name, place in texts if NAME.fullmatch(name))


class Comments(NamedTuple):
    """
    How the sources of a runtime that needs no assembly name the files that they read.

    Attributes:
        begin: What a comment begins with.
        suffix: How the names of these sources end, in small letters; other scripts have no comments.
        compiler: Begins the words that are left to the compiler; empty: there are none.
        expected: What may be said, for errors.
    """

    begin: str
    suffix: str = ""
    compiler: str = ""
    expected: str = "-file:NAME"

    def files_of(self, path: str, source: bytes) -> tuple[File, ...]:
        """
        The files that a script reads.

        Raises:
            ScriptInvalid: A directive is not understood, or there are more than ``MOST_FILES``; with file, line and
                column.
        """
        if not path.lower().endswith(self.suffix):
            return ()
        files: dict[str, File] = {}
        wrong = []
        for word, place in _words(source, path, re.escape(self.begin)):
            if found := FILE.fullmatch(word):
                files.setdefault(found["name"], File(found["name"], place))
            elif not self.compiler or not word.startswith(self.compiler):
                wrong.append(f"{place}: app-mono: expected {self.expected}, but {word!r} came")
        if len(files) > MOST_FILES:
            wrong.append(f"{path}: app-mono: expected at most {MOST_FILES} files, got {len(files)}")
        if wrong:
            raise ScriptInvalid("; ".join(wrong))
        return tuple(files.values())


def _words(content: bytes, name: str, comment: str) -> Iterator[tuple[str, str]]:
    """Each word of the directives, and where it stands: ``name``, the line and the column."""
    text = content.decode("utf-8", "replace")
    for line in re.finditer(LINE.format(comment=comment), text, re.MULTILINE):
        row = text.count("\n", 0, line.start("words")) + 1
        begin = text.rfind("\n", 0, line.start("words")) + 1
        for word in re.finditer(r"\S+", line["words"]):
            yield word[0], f"{name}:{row}:{line.start('words') + word.start() - begin + 1}"
