from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from runner.runtimes.transcripts import directory
from runner.settings import Settings
from runner.settings.__main__ import default_of
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import MESSAGE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    f"runner/csharp/{path.relative_to(ROOT)}" for name in ("lib", "bridge") for path in ROOT.glob(f"{name}/**/*.cs")
} | {f"runner/csharp/{path.relative_to(ROOT)}" for path in (ROOT / "bridge" / "python").rglob("*.py")}
TRANSCRIPTS = {
    f"runner/transcripts/{path.relative_to(directory())}"
    for pattern in ("*.json", "*.jsonl", "python/*.py")
    for path in directory().glob(pattern)
}


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, name
    return found


def wheel_of(source: Path, directory: Path) -> Path:
    """The wheel of a checkout, in that directory."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(directory), str(source)], check=True, timeout=100)
    return next(directory.glob("app_mono-*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_carries_the_c_sharp_sources_the_lane_in_c_and_the_kamailio_side(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert names >= SOURCES | TRANSCRIPTS | {f"runner/ksr/kemi-{version}.txt" for version in ("5.6", "6.0")} | {
        "runner/compilers/npm.txt"
    }
    shared = "app_mono-0.1.0.data/data/share/app-mono/kamailio"
    assert names >= {f"{shared}/{path.name}" for path in ROOT.glob("kamailio/*.*")}
    assert not [name for name in names if name.startswith(("tests/", "build/")) or name.endswith((".c", ".h"))]
    # One library for every Python from 3.11 on, see tests/lane/test_building.py for a wheel without it.
    assert "cp311-abi3-linux_" in wheel.name
    assert "runner/lane/_lane.abi3.so" in names


def test_kamailio_loads_its_side_by_a_path_that_names_no_python(wheel: Path, tmp_path: Path) -> None:
    """The path that kamailio-cfg printed was below lib/python3.11: after an upgrade there was no such file."""
    prefix = tmp_path / "app-mono"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed"]
    subprocess.run([*install, "--prefix", str(prefix), str(wheel)], check=True)
    # Of the release before, and of another program: neither is taken.
    for other in ("lib/python3.9/site-packages/runner", "lib/python3.99/site-packages/other"):
        (prefix / other).mkdir(parents=True)
    (prefix / "lib/python3.9/site-packages/runner/client").mkdir()
    (prefix / "lib/python3.9/site-packages/runner/client/lease.py").write_text(
        "raise ImportError('too old')\n", "ascii"
    )
    (package,) = prefix.glob("lib/python3*/site-packages/runner/cli")
    code = "from runner import installed; print(installed.script())"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=package.parent.parent, capture_output=True, text=True, check=True
    ).stdout.strip()
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv", "app_python3"])
    cfg += f'modparam("app_python3", "load", "{told}")\n'
    cfg += 'request_route { if (!python_exec("mono_exec", "/x.exe")) sl_send_reply("404", "Not Found"); }\n'
    env = {"APP_MONO_CONFIG": str(tmp_path / "none.toml")}

    with Kamailio(cfg, tmp_path / "kamailio", port, env) as kamailio, Peer(port) as peer:
        reply = peer.ask(peer.request())

    assert told == f"{prefix}/share/app-mono/kamailio/app_mono.py"
    assert reply is not None
    assert reply.startswith(b"SIP/2.0 404 ")
    assert "app_mono: no daemon at /run/app-mono/control.sock" in kamailio.log()


@pytest.mark.timeout(300)
def test_the_wheel_alone_builds_on_first_use_and_runs_a_script(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet"]
    locked = ["--require-hashes", "-r", str(ROOT / "requirements" / "run.txt")]
    subprocess.run([*install, *locked], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("PYTHONPATH", None)
    command = [str(python.with_name("app-mono")), "exec", str(ROOT / "examples" / "MySRTest.cs"), "-m", str(MESSAGE)]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")
    assert "sip:123@example.com" in done.stdout
    assert len(list((tmp_path / "cache").glob("app-mono/bridge/*/SRBridge.exe"))) == 1


def test_every_verb_of_the_makefile_is_in_its_help() -> None:
    told = subprocess.run([tool("make"), "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    verbs = (
        "build run test test-debian12 test-debian13 test-modf lint audit check lock bench fuzz chaos wheel oracle clean"
    )
    for verb in verbs.split():
        assert re.search(rf"^ +make {verb} +\S", told, re.MULTILINE), verb


def test_ci_runs_the_command_of_the_readme_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert lines[-1] == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs_as_it_stands() -> None:
    """The snippet named an .exe that nobody had compiled, so it printed no more than that there was no exit code."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## From Python\n+```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    env = os.environ | {"APP_MONO_ALLOCATE_TIMEOUT_S": "30", "APP_MONO_EXEC_TIMEOUT_S": "30"}
    command = [sys.executable, "-c", found[1]]

    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    result, effects = done.stdout.splitlines()
    assert result == "False 1 None"
    assert "Parameter from Kamailio config: hello sip:bob@example.com" in effects
    assert "INVITE sip:123@example.com SIP/2.0" in effects


def test_the_c_sharp_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    found = re.search(r"^```csharp\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    (tmp_path / "Greet.cs").write_text(found[1], "utf-8")
    command = [
        sys.executable,
        "-c",
        "from runner.cli import main; main()",
        "exec",
        str(tmp_path / "Greet.cs"),
        "--json",
    ]

    done = subprocess.run(
        [*command, "-m", str(MESSAGE)], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["reply_headers"] == ["X-Greeting: hello bob\r\n"]


def test_readme_docs_and_examples_import_from_the_face_of_the_package_only() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.*")]
    inside = re.compile(r"\b(?:from|import) runner\.\w+|\brunner\.[a-z]\w*\.\w*[A-Z]")

    assert [(page.name, match[0]) for page in pages for match in inside.finditer(page.read_text("utf-8"))] == []


def test_the_settings_of_the_readme_are_there_and_have_the_defaults_that_it_says() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE)

    assert len(rows) >= 10
    for name, value in rows:
        assert value == default_of(Settings.model_fields[name]), name
