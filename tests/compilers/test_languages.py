"""What sources are compiled with, by their names and directives, and what becomes of each kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner.build import compile_script, publish
from runner.cli.job import Job
from runner.compilers import languages, package, worker
from runner.errors import BuildError, EntryMissing, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, MESSAGE, ROOT
from tests.programs import MCS, WAIT_S

PATIENT = Settings(allocate_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S, exec_timeout_s=WAIT_S)
NUMBERS = ROOT / "examples" / "numbers.txt"
VB = "Imports SR\nPublic Module X\n{}\nEnd Module\n"
CSHARP8 = """// app-mono: -langversion:8
#nullable enable
class X { static int Main() { string? user = SR.PV.GetS("$rU"); return user switch { "bob" => 3, _ => 4 }; } }
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def exit_code(assembly: Path) -> int:
    return subprocess.run(["mono", str(assembly)], check=False, timeout=WAIT_S).returncode  # noqa: S607  # from PATH, as users do


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {".lock"}


@pytest.mark.parametrize(
    ("name", "options", "language"),
    [
        ("X.cs", (), "csharp"),
        ("X.cs", ("-langversion:6",), "csharp"),
        ("X.cs", ("-langversion:7.2",), "csharp"),
        ("X.cs", ("-unsafe", "-langversion:8"), "csharp8"),
        ("X.CS", ("-langversion:8.0",), "csharp8"),
        ("X.cs", ("-langversion:7.3",), "csharp8"),
        ("X.vb", ("-langversion:8",), "vb"),
        ("X.fs", (), "fsharp"),
        ("X.il", (), "cil"),
    ],
)
def test_the_suffix_and_the_version_say_the_language(name: str, options: tuple[str, ...], language: str) -> None:
    assert languages.of(Path(name), options).name == language


@pytest.mark.parametrize(
    ("name", "text", "language"),
    [("X.vb", VB.format(""), "vb"), ("X.fs", "module X\n", "fsharp"), ("X.cs", CSHARP8, "csharp8")],
)
def test_without_its_compiler_a_source_says_what_adds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, language: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = written(tmp_path / name, text)

    with pytest.raises(BuildError) as caught:
        compile_script(source)

    assert str(caught.value) == f"{source}: its compiler is not installed: app-mono lang add {language}"


@pytest.mark.usefixtures("compilers")
class TestCompiled:
    """With the compilers."""

    @pytest.mark.parametrize("suffix", [".vb", ".fs"])
    def test_the_examples_do_what_those_in_c_sharp_do(self, suffix: str) -> None:
        with Runner(PATIENT) as runner:
            for name, parameter in (("MySRTest", "hello"), ("NumberLookup", str(NUMBERS)), ("NumberLookup", None)):
                done = []
                for each in (suffix, ".cs"):
                    host = MessageHost(INVITE)
                    script = compile_script(ROOT / "examples" / f"{name}{each}")
                    result = runner.mono_exec(str(script), parameter, host=host)
                    assert result.error is None
                    done.append((result.exit_code, host.logs, host.reply_headers, host.message_bytes()))
                assert done[0] == done[1]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("X.vb", VB.format('Public Sub ksr_request_route()\nKSR.info("x")\nEnd Sub')),
            ("X.fs", 'module X\nlet names = [ "x" ]\nlet ksr_request_route () = SR.KSR.info names.[0]\n'),
            ("X.cs", CSHARP8.replace("static int Main", "public static int ksr_request_route")),
        ],
    )
    def test_a_source_without_main_becomes_a_library_with_its_entries(
        self, tmp_path: Path, name: str, text: str
    ) -> None:
        script = compile_script(written(tmp_path / name, text.replace("class X", "public class X")))

        with Runner(PATIENT) as runner:
            entry = runner.mono_exec(str(script), host=MessageHost(INVITE), entry="ksr_request_route")
            main = runner.mono_exec(str(script), host=MessageHost(INVITE))

        assert entry.error is None
        assert isinstance(main.error, EntryMissing)

    @pytest.mark.parametrize(
        ("name", "text", "line", "using"),
        [
            ("X.vb", VB.format('Sub Main()\nKSR.info("x")\nEnd Sub')[11:], ":3:1: error BC30451: 'KSR'", "Imports SR"),
            ("X.fs", 'module X\nKSR.info "x"\n', ":2:1: error FS0039: ", "open SR"),
            ("X.cs", CSHARP8.replace("return", 'KSR.info("x"); return'), ":3:65: error CS0103: ", "using SR;"),
        ],
    )
    def test_a_diagnostic_has_one_form_and_says_how_ksr_is_named(
        self, tmp_path: Path, name: str, text: str, line: str, using: str
    ) -> None:
        source = written(tmp_path / name, text)

        with pytest.raises(BuildError) as caught:
            compile_script(source)

        assert str(caught.value) == f"{source} does not compile: 1 error; KSR takes a `{using}`"
        assert caught.value.diagnostics[0].startswith(f"{source}{line}")

    def test_a_change_between_two_runs_is_compiled_in_the_same_process(self, tmp_path: Path) -> None:
        """As with `exec --watch`."""
        text = VB.format("Function Main() As Integer\nReturn 3\nEnd Function")
        source = written(tmp_path / "X.vb", text)

        with Job("exec", str(source), None, str(MESSAGE)) as job:
            first, pid = job.run(), worker._WORKER.pid
            written(source, text.replace("3", "4"))
            second = job.run()

        assert (first.exit_code, second.exit_code) == (3, 4), second.error
        assert worker._WORKER.pid == pid

    def test_fsharp_says_nothing_of_a_value_that_is_not_used(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """fsc does not, but its service, which compiles here, did."""
        compile_script(written(tmp_path / "X.fs", "module X\n[<EntryPoint>]\nlet main args = 0\n"))

        assert caplog.messages == []

    def test_a_warning_is_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        source = written(tmp_path / "X.fs", "module X\nlet f (Some x) = x\n[<EntryPoint>]\nlet main _ = f (Some 0)\n")

        compile_script(source)

        (warning,) = caplog.messages
        assert warning.startswith(f"{source}:2:8: warning FS0025: Incomplete pattern matches")

    def test_what_a_program_in_vb_needs_of_its_runtime_becomes_part_of_it(self, tmp_path: Path) -> None:
        text = VB.format("Function Main() As Integer\nReturn AscW(vbTab) - 8\nEnd Function")

        script = publish(compile_script(written(tmp_path / "X.vb", text)), tmp_path)

        assert names(tmp_path) == {"X.vb", "X.exe", "X.pdb"}
        assert exit_code(script) == 1

    def test_a_program_in_vb_that_needs_all_of_its_runtime_has_it_beside_it(self, tmp_path: Path) -> None:
        text = VB.format('Function Main() As Integer\nReturn Len(Left("abc", 2))\nEnd Function')
        source = written(tmp_path / "X.vb", text)

        script = publish(compile_script(source), tmp_path)
        made = compile_script(source).stat()

        assert names(tmp_path) == {
            "X.vb", "X.exe", "X.pdb", "Microsoft.VisualBasic.dll", "Microsoft.VisualBasic.Core.dll"
        }  # fmt: skip
        assert exit_code(script) == 2
        assert compile_script(source).stat().st_ino == made.st_ino, "it is not compiled again"

    @pytest.mark.parametrize(
        ("body", "result"),
        [
            ('Return InStr("abc", "c") + UBound(Split("a,b", ",")) + Val("3")', 7),
            ('Return If(Replace("abc", "b", "x") Like "a?c", 5, 6)', 5),
            ("Dim sum As Object = 1\nFor Each item In New Object() {2, 3}\nsum += item\nNext\nReturn sum", 6),
            ("On Error Resume Next\nDim text As String = Nothing\nDim n = text.Length\nReturn Err.Number", 91),
        ],
    )
    def test_the_runtime_of_vb_runs_in_a_worker(self, tmp_path: Path, body: str, result: int) -> None:
        source = written(tmp_path / "X.vb", VB.format(f"Function Main() As Integer\n{body}\nEnd Function"))

        with Runner(PATIENT) as runner:
            done = runner.mono_exec(str(compile_script(source)), host=MessageHost(INVITE))

        assert (done.exit_code, done.error) == (result, None)

    def test_what_of_the_runtime_of_vb_mono_cannot_run_is_an_error_and_the_worker_lives(self, tmp_path: Path) -> None:
        source = written(tmp_path / "X.vb", VB.format('Sub Main()\nCore.Dbg(Format(1, "0.0"))\nEnd Sub'))

        with Runner(PATIENT) as runner:
            done = runner.mono_exec(str(compile_script(source)), host=MessageHost(INVITE))

        assert isinstance(done.error, ScriptError)
        assert "System.TypeLoadException" in str(done.error)
        assert done.error.worker_survives

    def test_late_binding_is_an_error_with_its_place(self, tmp_path: Path) -> None:
        text = VB.format('Function Main() As Integer\nDim o As Object = "abc"\nReturn o.Length\nEnd Function')

        with pytest.raises(BuildError, match=r"X\.vb does not compile: 1 error$") as caught:
            compile_script(written(tmp_path / "X.vb", text))

        assert caught.value.diagnostics[0].startswith(f"{tmp_path}/X.vb:5:8: error BC42017: ")

    def test_a_program_in_fsharp_has_its_runtime_beside_it(self, tmp_path: Path) -> None:
        text = "module X\n[<EntryPoint>]\nlet main _ = List.sum [ 1; 2 ]\n"

        script = publish(compile_script(written(tmp_path / "X.fs", text)), tmp_path)

        assert names(tmp_path) == {"X.fs", "X.exe", "X.pdb", "FSharp.Core.dll"}
        assert exit_code(script) == 3

    def test_a_program_whose_runtime_was_removed_with_the_compilers_is_not_taken_for_complete(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed = package.directory()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        package.directory().parent.mkdir(parents=True, mode=0o700)
        package.directory().symlink_to(installed)
        source = written(tmp_path / "X.fs", "module X\n[<EntryPoint>]\nlet main _ = 0\n")
        compile_script(source)
        package.directory().unlink()

        with pytest.raises(BuildError, match=r"app-mono lang add fsharp$"):
            compile_script(source)

    def test_a_source_that_changes_its_compiler_keeps_no_symbols_of_the_other_one(self, tmp_path: Path) -> None:
        older = "class X { static int Main() { return 0; } }\n"
        seen = []
        for text in (older, CSHARP8, older):
            assembly = compile_script(written(tmp_path / "X.cs", text))
            publish(assembly, tmp_path)
            seen.append(
                [{path.suffix for path in each.iterdir()} & {".mdb", ".pdb"} for each in (assembly.parent, tmp_path)]
            )

        assert seen == [[{".mdb"}] * 2, [{".pdb"}] * 2, [{".mdb"}] * 2]

    def test_references_beside_the_source_and_of_mono_and_options_reach_every_compiler(self, tmp_path: Path) -> None:
        helper = written(tmp_path / "H.cs", "public static class H { public static readonly int Value = 7; }")
        subprocess.run([MCS, "-t:library", f"-out:{tmp_path / 'H.dll'}", str(helper)], check=True)
        asked = "app-mono: -r:H.dll -r:System.Runtime.Serialization.dll -define:SEVEN\n"
        uses = "System.Runtime.Serialization.DataContractAttribute"
        sources = {
            "A.cs": f"// {asked}// app-mono: -langversion:8\n[{uses}] class X {{ static int Main() {{\n"
            "#if SEVEN\nreturn H.Value;\n#endif\n} }",
            "B.vb": f"' {asked}<{uses}> Class X\nShared Function Main() As Integer\n"
            "#If SEVEN Then\nReturn H.Value\n#End If\nEnd Function\nEnd Class",
            "C.fs": f"// {asked}module X\n[<{uses}>]\ntype Y() = class end\n[<EntryPoint>]\nlet main _ =\n"
            "#if SEVEN\n    H.Value\n#endif\n",
        }

        for name, text in sources.items():
            assert exit_code(compile_script(written(tmp_path / name, text))) == 7, name

    def test_a_reference_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        for name, text in (
            ("X.vb", f"' app-mono: -r:No.dll\n{VB.format('')}"),
            ("X.fs", "// app-mono: -r:No.dll\nmodule X\n"),
        ):
            with pytest.raises(BuildError) as caught:
                compile_script(written(tmp_path / name, text))
            assert any("No.dll" in line for line in caught.value.diagnostics), caught.value
