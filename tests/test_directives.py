"""What a source says to the compiler that app-mono runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner import build
from runner.directives import Comments, Directives, File, files_of, read, resource
from runner.errors import BuildError, ScriptInvalid
from runner.runtimes.known import Runtimes
from runner.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def directives(*lines: str) -> Directives:
    return read("\n".join([*lines, "class X { static int Main() { return 0; } }"]).encode(), "X.cs")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("// app-mono: -r:H.dll", Directives(("H.dll",), ())),
        ("\t//app-mono:-reference:H.dll  -r:I.exe\r", Directives(("H.dll", "I.exe"), ())),
        ("// app-mono: -unsafe", Directives((), ("-unsafe",))),
        ("// app-mono: -langversion:5 -define:A;B -d:C", Directives((), ("-langversion:5", "-define:A;B", "-d:C"))),
        ("// app-mono: -file:a.txt", Directives((), (), (File("a.txt", "X.cs:1:14"),))),
        ("// app-mono:", Directives((), ())),
        ("// about app-mono: what it is", Directives((), ())),
        ("int x; // app-mono: -nothing", Directives((), ())),
        ("  ' app-mono: -r:H.dll", Directives(("H.dll",), ())),
    ],
)
def test_a_directive_is_a_comment_on_a_line_of_its_own(line: str, expected: Directives) -> None:
    assert directives(line) == expected


def test_directives_of_several_lines_add_up() -> None:
    found = directives("// app-mono: -r:H.dll", "", "// app-mono: -unsafe -r:H.dll", "// app-mono: -unsafe -r:I.dll")

    assert found == Directives(("H.dll", "I.dll"), ("-unsafe",))


@pytest.mark.parametrize(
    "word",
    [
        "-r:",
        "-optimize",
        "H.dll",
        "-out:/etc/passwd",
        "-r:a,b",
        "-define:1",
        "-langversion:",
        "@x",
        "-unsafe:1",
        "-file:",
        "-file:..",
        "-file:a/b",
    ],
)
def test_a_word_that_is_not_understood_is_refused_with_its_place(word: str) -> None:
    """A source with -unsafe was compiled without it, and without a word."""
    with pytest.raises(BuildError, match=r"X\.cs does not compile: 1 error") as refused:
        directives("// first", f"  // app-mono: -unsafe {word}")

    (told,) = refused.value.diagnostics
    assert told.startswith(
        "X.cs:2:24: error: app-mono: expected -r:NAME.dll, -unsafe, -langversion:VERSION, -define:NAME or -file"
    )
    assert told.endswith(f"but {word!r} came")


def test_an_assembly_says_which_files_it_reads() -> None:
    files = (File("a.txt", "/s/X.cs:1:14"), File("b \u00e4.txt", "X.cs:2:3"))

    assembly = b"MZ\0" + resource(files) + b"\0more"

    assert files_of("/s/X.exe", assembly) == (
        File("a.txt", "/s/X.exe: X.cs:1:14"),
        File("b \u00e4.txt", "/s/X.exe: X.cs:2:3"),
    )
    assert files_of("/s/X.exe", b"MZ\0\napp-mono -file:../secret\tX.cs:1:1\n") == ()


@pytest.mark.parametrize(
    ("runtime", "script", "line", "names"),
    [
        ("python", "X.py", "# app-mono: -file:a.txt -file:b", ["a.txt", "b"]),
        ("python", "X.py", "x = 1  # app-mono: -file:a.txt", []),
        ("python", "X.py", "// app-mono: -file:a.txt", []),
        ("node", "X.mjs", "  //app-mono:-file:a.txt\r", ["a.txt"]),
        ("node", "X.js", "# app-mono: -file:a.txt", []),
        ("java", "X.JAVA", "// app-mono: -r:lib/x.jar -file:a.txt -file:a.txt", ["a.txt"]),
        ("java", "X.class", "// app-mono: -fiel:a.txt", []),
        ("java", "X.jar", "// app-mono: -fiel:a.txt", []),
    ],
)
def test_a_source_that_is_not_compiled_to_an_assembly_says_it_as_well(
    runtime: str, script: str, line: str, names: list[str]
) -> None:
    files_of = Runtimes(Settings()).named(runtime).files_of
    assert files_of is not None

    assert [file.name for file in files_of(script, f"first\n{line}\n".encode())] == names


def test_all_that_is_wrong_in_such_a_source_is_said_with_its_place() -> None:
    many = "".join(f"# app-mono: -file:{number}\n" for number in range(65))

    with pytest.raises(ScriptInvalid) as refused:
        Comments("#").files_of("/s/X.py", f"{many}# app-mono: -file:a/b -unsafe\n".encode())

    assert str(refused.value) == (
        "/s/X.py:66:13: app-mono: expected -file:NAME, but '-file:a/b' came; "
        "/s/X.py:66:23: app-mono: expected -file:NAME, but '-unsafe' came; "
        "/s/X.py: app-mono: expected at most 64 files, got 65"
    )


SOURCE = """// app-mono: -unsafe -define:SEVEN
class X { unsafe static int Main() { int value = 0; int* place = &value;
#if SEVEN
    *place = 7;
#endif
    return value; } }
"""


def test_options_reach_the_compiler_and_a_change_of_them_compiles_again(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    source.write_text(SOURCE, "utf-8")
    first = subprocess.run(["mono", build.compile_script(source)], check=False).returncode  # noqa: S607  # from PATH, as users do
    source.write_text(SOURCE.replace(" -define:SEVEN", ""), "utf-8")
    second = subprocess.run(["mono", build.compile_script(source)], check=False).returncode  # noqa: S607  # as above

    assert (first, second) == (7, 0)


def test_a_language_version_is_kept_to(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    code = 'class X {{ static int Main() {{ string name = "x"; return $"{{name}}".Length - 1; }} }}\n'
    source.write_text("// app-mono: -langversion:5\n" + code.format(), "utf-8")

    with pytest.raises(BuildError, match="does not compile") as refused:
        build.compile_script(source)

    assert "CS1644" in refused.value.diagnostics[0]  # interpolated strings are of C# 6
