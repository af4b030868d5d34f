from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner import build
from runner.errors import BuildError, ScriptInvalid, ScriptNotFound
from tests.places import ROOT

GOOD = 'class X { static int Main() { SR.Core.Log(1, SR.PV.GetS("$ru")); return 0; } }\n'


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, name
    return found


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sources(tmp_path: Path) -> build.Sources:
    """A checkout's sources, with an output directory of the test's own."""
    return build.Sources(ROOT / "lib", ROOT / "bridge", tmp_path / "output")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_bridge_is_compiled_into_the_build_directory_of_a_checkout() -> None:
    bridge = build.ensure_bridge()

    assert bridge == build.Bridge(*(ROOT / "build" / name for name in ("SR.dll", "KSR.dll", "SRBridge.exe")))
    assert bridge.sr_dll.read_bytes()[:2] == b"MZ"
    assert build.is_up_to_date()


def test_a_warning_in_our_own_sources_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "lib" / "SR.cs", "class X { static void F() { int unused; } }")
    sources = build.Sources(tmp_path / "lib", ROOT / "bridge", tmp_path / "output")

    with pytest.raises(BuildError, match=r"SR\.dll does not compile") as caught:
        build._ensure_sr(sources, "mono")

    assert ":1:33: error CS0168" in caught.value.diagnostics[0]


def test_the_manual_s_two_commands_compile_the_manual_s_sample(tmp_path: Path) -> None:
    for name in ("lib/SR.cs", "examples/MySRTest.cs"):
        (tmp_path / Path(name).name).write_bytes((ROOT / name).read_bytes())

    subprocess.run([tool("mcs"), "-t:library", "SR.cs"], cwd=tmp_path, check=True)
    subprocess.run([tool("mcs"), "-r:SR.dll", "MySRTest.cs"], cwd=tmp_path, check=True)

    assert (tmp_path / "MySRTest.exe").is_file()


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    source = written(tmp_path / "X.cs", GOOD)
    code = "import sys; from pathlib import Path; from runner.build import *; print(compile_script(Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(source)]

    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    paths = {process.communicate()[0] for process in started}

    assert {process.returncode for process in started} == {0}
    assert len(paths) == 1
    directory = Path(paths.pop().strip()).parent
    assert sorted(path.name for path in directory.iterdir()) == [".lock", "X.exe", "X.exe.mdb", "X.exe.stamp"]


def test_a_script_s_assembly_keeps_its_path_when_the_source_changes(tmp_path: Path) -> None:
    source = written(tmp_path / "X.cs", GOOD)
    first = build.compile_script(source)
    before = first.read_bytes()
    written(source, GOOD.replace("return 0", "return 1"))

    second = build.compile_script(source)

    assert second == first
    assert second.read_bytes() != before


def test_a_source_that_does_not_use_the_namespace_of_ksr_is_told_to(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    source.write_text("class X { static int Main() { return KSR.tm.t_relay(); } }", "utf-8")

    with pytest.raises(BuildError, match=r"1 error; KSR takes a `using SR;`$"):
        build.compile_script(source)


def test_a_source_without_main_becomes_a_library(tmp_path: Path) -> None:
    source = written(
        tmp_path / "X.cs", 'public class X { public static void ksr_request_route() { SR.KSR.info("x"); } }\n'
    )

    first = build.compile_script(source)
    made = first.stat()

    assert first.name == "X.exe"
    assert build.compile_script(source).stat().st_ino == made.st_ino, "it is not compiled again"
    written(source, "public class X { static void Main( { } }\n")
    with pytest.raises(BuildError, match="1 error"):
        build.compile_script(source)


def test_a_list_beside_the_source_says_which_functions_there_are(tmp_path: Path) -> None:
    source = written(tmp_path / "X.cs", "public class X { static int Main() { return SR.KSR.tm.t_relay(); } }\n")
    build.compile_script(source)
    own = written(tmp_path / "KSR.cs", "namespace SR { public static class KSR { } }\n")
    subprocess.run([tool("mcs"), "-t:library", f"-out:{tmp_path / 'KSR.dll'}", str(own)], check=True)

    with pytest.raises(BuildError) as caught:
        build.compile_script(source)

    assert "CS0117" in caught.value.diagnostics[0]


def test_compiler_errors_are_told_as_file_line_and_column_as_the_user_wrote_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "sub" / "X.cs", "class X {\n  static int Main() { return 0 }\n}\n")

    with pytest.raises(BuildError, match=r"sub/X\.cs does not compile: 1 error$") as caught:
        build.compile_script(Path("sub/X.cs"))

    (line,) = caught.value.diagnostics
    assert line.startswith("sub/X.cs:2:")
    assert "error CS1525" in line


def test_a_script_that_stopped_compiling_leaves_its_last_assembly(tmp_path: Path) -> None:
    source = written(tmp_path / "X.cs", GOOD)
    assembly = build.compile_script(source)
    before = assembly.read_bytes()
    written(source, "class X {")

    with pytest.raises(BuildError):
        build.compile_script(source)

    assert assembly.read_bytes() == before


def test_helpers_and_config_beside_a_source_are_beside_its_assembly(tmp_path: Path) -> None:
    source = written(tmp_path / "X.cs", "// app-mono: -r:H.dll\nclass X { static int Main() { return H.Value; } }\n")
    helper = written(tmp_path / "H.cs", "public static class H { public static readonly int Value = 7; }\n")
    subprocess.run([tool("mcs"), "-t:library", f"-out:{tmp_path / 'H.dll'}", str(helper)], check=True)
    written(tmp_path / "X.exe.config", "<configuration/>")

    directory = build.compile_script(source).parent
    (tmp_path / "X.exe.config").unlink()
    build.compile_script(source)

    assert (directory / "H.dll").resolve() == tmp_path / "H.dll"
    assert not os.path.lexists(directory / "X.exe.config")


def test_a_source_that_is_missing_or_a_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"None\.cs: there is no such file"):
        build.compile_script(tmp_path / "None.cs")
    with pytest.raises(ScriptInvalid, match="is a directory"):
        build.compile_script(tmp_path)


def test_a_missing_mcs_does_not_matter_while_nothing_is_to_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "X.cs", GOOD)
    assembly = build.compile_script(source)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert build.compile_script(source) == assembly
    written(source, GOOD + "// changed\n")
    with pytest.raises(BuildError, match=rf"^{re.escape(str(source))}: mcs is not installed: `make run`.* mono-mcs$"):
        build.compile_script(source)


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "file", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(BuildError, match="set XDG_CACHE_HOME"):
        build.compile_script(written(tmp_path / "X.cs", GOOD))


def test_the_assemblies_of_a_package_that_ships_them_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    """A server that compiles nothing has no mcs, and a newer mono is no reason to compile."""
    csharp = tmp_path / "package" / "csharp"
    shutil.copytree(ROOT / "bridge", csharp / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
    names = ("SR.dll", "KSR.dll", "SRBridge.exe")
    for name in names:
        written(csharp / "build" / name, "shipped")
    monkeypatch.setattr(build, "__file__", str(tmp_path / "package" / "build.py"))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert build.ensure_bridge() == build.Bridge(*(csharp / "build" / name for name in names))
    assert build.is_up_to_date()
    assert not own_cache.exists()
