"""The C# that is made of the lists compiles, and every function is where KEMI has it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import STRICT, ensure_bridge
from runner.ksr import functions, generate
from runner.ksr.functions import Function, Parameter
from tests.places import ROOT
from tests.programs import MCS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LISTS = {version: functions.read(version) for version in functions.VERSIONS}


def compiled(directory: Path, source: str) -> Path:
    """KSR.dll of this source, with warnings as errors, and its comments beside it."""
    (directory / "KSR.cs").write_text(source, "utf-8")
    library, comments = directory / "KSR.dll", f"-doc:{directory / 'KSR.xml'}"
    command = [MCS, "-t:library", *STRICT, comments, f"-out:{library}", f"-r:{ensure_bridge().sr_dll}"]
    done = subprocess.run(
        [*command, str(ROOT / "lib" / "KSR.cs"), str(directory / "KSR.cs")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return library


def made_of(text: str, **options: Collection[str]) -> str:
    return generate.source({"5.6": functions.parse(text)}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("versions", [("5.6",), ("6.0",), ("5.6", "6.0")], ids="+".join)
def test_the_source_of_every_list_compiles_with_warnings_as_errors(versions: tuple[str, ...], tmp_path: Path) -> None:
    library = compiled(tmp_path, generate.source({version: LISTS[version] for version in versions}))

    comments = library.with_suffix(".xml").read_text("utf-8")
    methods = set(re.findall(r'name="M:SR\.(?:KSR|KsrModules\.\w+)\.([^"]+)"', comments))
    wanted = {(each.full_name, each.kinds) for version in versions for each in LISTS[version]}
    by_hand = {"exit", "drop", "modf(System.String,System.String[])"}
    assert len(re.findall('name="M:SR.KSR.|name="M:SR.KsrModules.', comments)) == len(wanted) + len(by_hand)
    assert methods >= by_hand


def test_a_program_calls_what_has_the_name_of_a_keyword_or_of_its_module(tmp_path: Path) -> None:
    """A class cannot have a member of its own name: CS0542."""
    library = compiled(tmp_path, generate.source(LISTS))
    calls = (
        "@enum.enum_query()",
        'xlog.xlog("L_INFO", "x")',
        "call_control.call_control()",
        "prefix_route.prefix_route_uri()",
        'prefix_route.prefix_route("1")',
        'cfgutils.@lock("a")',
        'cfgutils.@lock("a", "b")',
        'async.route("a", 1)',
        "is_INVITE() ? 1 : 0",
    )
    body = "".join(f"n += SR.KSR.{call}; " for call in calls)
    program = tmp_path / "P.cs"
    program.write_text(f"class P {{ static int Main() {{ int n = 0; {body} return n; }} }}", "utf-8")

    command = [MCS, *STRICT, f"-r:{ensure_bridge().sr_dll}", f"-r:{library}", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout + done.stderr == ""


def test_a_method_carries_signature_module_versions_and_what_it_takes() -> None:
    text = made_of("int tm.t_on_branch(str bname)  tm.so\nxval tls.cget(str aname)  a.so b.so\nnone info(str txt)\n")

    assert '<c>int KSR.tm.t_on_branch(str bname)</c> of <c>loadmodule "tm.so"</c>.' in text
    assert '<c>xval KSR.tls.cget(str aname)</c> of <c>loadmodule "a.so"</c> or <c>loadmodule "b.so"</c>.' in text
    assert "<c>none KSR.info(str txt)</c>.</summary>" in text
    assert text.count("In Kamailio 5.6.") == 3
    assert "In Kamailio 5.6 and 6.0." in generate.source(LISTS)


def test_what_only_reads_says_so_to_the_bridge() -> None:
    text = made_of("xval pv.get(str varn)\nint pv.seti(str varn, int vint)\n", reads={"pv.get"})

    assert 'return Ask.XVal(true, "pv.get", varn);' in text
    assert 'return Ask.Int(false, "pv.seti", varn, vint);' in text


def test_what_is_refused_says_so_in_its_comment() -> None:
    function = Function("exec", "exec_cmd", (Parameter("str", "cmd"),), "int", ("exec.so",))

    text = generate.source({"6.0": [function]}, is_refused=lambda name: name == "exec.exec_cmd")

    assert "In Kamailio 6.0. Refused unless the setting ksr_allow names it." in text
