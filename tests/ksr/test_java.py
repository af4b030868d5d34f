"""runner.ksr.java: every function is a method of its module's class, with the types that KEMI says."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.ksr import functions, java
from runner.ksr.members import collected
from runner.runtimes.java import FLAGS, ensure

if TYPE_CHECKING:
    from pathlib import Path

    from runner.ksr.functions import Function

JAVAC = shutil.which("javac") or ""
LISTS = {version: functions.read(version) for version in functions.VERSIONS}
VALUES = {"str": '"a"', "int": "1", "long": "1L"}


def call(function: Function) -> str:
    """A statement that calls it and keeps what it gives."""
    name = f"enum_.{function.name}" if function.module == "enum" else function.full_name
    kept = "" if function.ret == "none" else f"{java.TYPES[function.ret]} got = "
    return f"{{ {kept}KSR.{name}({', '.join(VALUES[kind] for kind in function.kinds)}); }}"


@pytest.mark.skipif(not JAVAC, reason="javac is not installed: apt-get install default-jdk-headless")
def test_a_script_can_call_every_function_with_its_types(tmp_path: Path) -> None:
    modules = collected(LISTS, is_refused=lambda _: False)
    calls = [" ".join(call(member.function) for member in module.members) for module in modules]
    methods = "\n".join(f"    static void m{number}() {{ {text} }}" for number, text in enumerate(calls))
    script = tmp_path / "Calls.java"
    script.write_text(f"import SR.*;\n\nclass Calls {{\n{methods}\n}}\n", "utf-8")

    command = [JAVAC, *FLAGS, "-cp", str(ensure().sr), "-d", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wanted = {(each.full_name, each.kinds) for found in LISTS.values() for each in found if each.module != "x"}
    assert sum(len(module.members) for module in modules) == len(wanted)


def test_what_is_written_by_hand_stays_and_a_name_that_java_keeps_gets_an_underscore() -> None:
    text = java.source(
        "class KSR {\n    int own;\n}\n",
        {"5.6": functions.parse("bool enum.is_new(str new)  a.so b.so\nnone info(str txt)\nint x.exit()\n")},
        is_refused=lambda name: name == "info",
    )

    assert text.startswith("class KSR {\n    int own;\n")
    assert "In Kamailio 5.6. Refused unless the setting ksr_allow names it. */" in text
    assert '    public static void info(String txt) {\n        KSR.call("info", txt);\n    }\n' in text
    assert "    public static final class enum_ {\n" in text
    assert '{@code bool KSR.enum.is_new(str new)} of {@code loadmodule "a.so"} or {@code loadmodule "b.so"}.' in text
    assert (
        '    public static boolean is_new(String new_) {\n            return KSR.isTrue("enum.is_new", new_);\n' in text
    )
    assert "exit" not in text
    assert text.endswith("    }\n}\n")
