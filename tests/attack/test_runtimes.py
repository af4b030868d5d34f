"""
Scripts in Python, JavaScript and Java that attack their worker, its wire, or the scripts that run after them.

What each must end as: that one call is false or has its own result, the next one is served, and nothing is left over.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ProtocolViolation, RunnerError, ScriptError, ScriptInvalid, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.runner import ExecResult

GOOD = {
    "Good.py": 'from SR import PV\ndef main(args):\n    PV.set_s("$var(x)", "good")\n    return len(PV.get("$rU"))\n',
    "Good.js": 'const { PV } = require("SR");\n'
    'exports.main = () => { PV.setS("$var(x)", "good"); return PV.get("$rU").length; };\n',
    "Good.java": "import SR.*;\npublic class Good { public static int main(String[] args) {\n"
    '  PV.setS("$var(x)", "good"); return PV.get("$rU").length(); } }\n',
}


PATIENT: dict[str, Any] = {
    "max_workers": 1,
    "spare_workers": 0,
    "exec_timeout_s": WAIT_S,
    "first_exec_timeout_s": WAIT_S,
    "allocate_timeout_s": WAIT_S,
    "start_timeout_s": WAIT_S,
    "observer": "none",
    "poison_losses": 0,
    "poison_message_losses": 0,
}


class Site:
    """A runner, and a directory for the scripts that it runs."""

    def __init__(self, runner: Runner, directory: Path) -> None:
        self.runner, self.directory = runner, directory
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        """A file in the directory."""
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def run(self, name: str, text: str | None = None, param: str | None = None) -> ExecResult:
        """One exec of a script, which is written first."""
        file = self.directory / name if text is None else self.write(name, text)
        return self.runner.mono_exec(file, param, host=MessageHost(INVITE))

    def serves(self, suffix: str) -> bool:
        """Whether the next call has its result, twice."""
        for _ in range(2):
            host = MessageHost(INVITE)
            result = self.runner.mono_exec(self.directory / f"Good{suffix}", host=host)
            assert (result.exit_code, result.error, host.get_s("$var(x)")) == (3, None, "good")
        return True

    @property
    def pids(self) -> set[int]:
        """The workers that run."""
        return set(self.runner.snapshot().pids)


def _processes(directory: str) -> list[str]:
    """The processes that were started with a path below a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:
            continue  # it has ended
        if directory.encode() in command:
            found.append(f"{process.parent.name}: {command!r}")
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One worker of each runtime; at the end nothing of them is left over."""
    own = tmp_path_factory.mktemp("run")
    patch = pytest.MonkeyPatch()
    patch.setattr("tempfile.tempdir", str(own))
    with Runner(Settings(**PATIENT)) as runner:
        yield runner
    patch.undo()
    until(lambda: not _processes(str(own)), "all processes have ended")
    assert list(own.iterdir()) == []


@pytest.fixture
def site(running: Runner, tmp_path: Path) -> Site:
    return Site(running, tmp_path)


FALSE_RESULT = r'{"jsonrpc":"2.0","id":1,"result":{"code":0,"used":0,"edits":[]}}\n'
FALSE_EDIT = r'{"jsonrpc":"2.0","id":1,"method":"PV.SetS","params":["$ru","sip:evil"]}\n'
ATTACKS = {
    "a result of its own on the wire": (
        ProtocolViolation,
        f"import os\ndef main(args):\n    os.write(4, b'{FALSE_RESULT}')\n    return 5\n",
        f"exports.main = () => {{ require('fs').writeSync(4, '{FALSE_RESULT}'); return 5; }};\n",
        (
            "public class Bad { public static int main(String[] a) throws Exception {\n"
            '  try (var wire = new java.io.FileOutputStream("/dev/fd/4")) { wire.write("{}\\n".getBytes()); }\n'
            "  return 5; } }\n"
        ),
    ),
    "the wire closed": (
        WorkerDied,
        "import os\ndef main(args):\n    os.closerange(0, 60)\n    return 0\n",
        (
            "exports.main = () => { for (let fd = 0; fd < 60; fd++) { try { require('fs').closeSync(fd); } catch {} }\n"
            "  return 0; };\n"
        ),
        (
            "public class Bad { public static int main(String[] a) throws Exception {\n"
            "  var maker = java.io.FileDescriptor.class.getDeclaredConstructor(int.class); maker.setAccessible(true);\n"
            "  for (int fd = 3; fd < 5; fd++) new java.io.FileOutputStream(maker.newInstance(fd)).close();\n"
            "  return 0; } }\n"
        ),
    ),
    "SIGKILL to its group": (
        WorkerDied,
        "import os, signal\ndef main(args):\n    os.kill(0, signal.SIGKILL)\n    return 0\n",
        "exports.main = () => { process.kill(0, 'SIGKILL'); return 0; };\n",
        (
            "public class Bad { public static int main(String[] a) throws Exception {\n"
            '  new ProcessBuilder("sh", "-c", "kill -9 0").start().waitFor(); return 0; } }\n'
        ),
    ),
    "an end without a word": (
        WorkerDied,
        "import os\ndef main(args):\n    os._exit(0)\n",
        "exports.main = () => process.reallyExit(0);\n",
        "public class Bad { public static int main(String[] a) { Runtime.getRuntime().halt(0); return 0; } }\n",
    ),
}


@pytest.mark.parametrize("suffix", [".py", ".js", ".java"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_worker_costs_one_call(site: Site, attack: str, suffix: str) -> None:
    kind, *texts = ATTACKS[attack]
    text = texts[[".py", ".js", ".java"].index(suffix)]

    for _ in range(2):
        result = site.run(f"Bad{suffix}", text)
        assert (result.ok, result.exit_code) == (False, None)
        assert isinstance(result.error, kind)
        assert site.serves(suffix)


def test_an_edit_that_a_script_writes_on_the_wire_is_not_believed(site: Site) -> None:
    bad = site.write("Bad.py", f"import os\ndef main(args):\n    os.write(4, b'{FALSE_EDIT}{FALSE_EDIT}')\n")
    host = MessageHost(INVITE)

    result = site.runner.mono_exec(bad, host=host)

    assert isinstance(result.error, RunnerError)
    assert site.serves(".py")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Bad.py", 'import importlib\nimportlib.import_module("\\ud800x")\ndef main(args): return 0\n'),
        ("Bad.js", 'require("./\\ud800x");\nexports.main = () => 0;\n'),
        (
            "Bad.java",
            (
                'public class Bad { static { try { Class.forName("\\ud800x"); } catch (ClassNotFoundException e) {\n'
                "  throw new RuntimeException(e); } } public static int main(String[] a) { return 0; } }\n"
            ),
        ),
    ],
)
def test_a_helper_whose_name_is_no_name_of_a_file_is_not_there(site: Site, name: str, text: str) -> None:
    """The runner itself failed with UnicodeEncodeError."""
    result = site.run(name, text)

    assert isinstance(result.error, ScriptInvalid), result
    assert site.serves(Path(name).suffix)


@pytest.mark.parametrize(
    ("name", "text", "helper"),
    [
        ("Bad.py", "{}def main(args): return h299.X\n", ("import h{0}\n", "h{0}.py", "X = {0}\n")),
        (
            "Bad.js",
            "{}exports.main = () => h299.X;\n",
            ('const h{0} = require("./h{0}.js");\n', "h{0}.js", "exports.X = {0};\n"),
        ),
        (
            "Bad.java",
            "public class Bad {{ static int x = 0{}; public static int main(String[] a) {{ return x - 44551; }} }}\n",
            ("+ H{0}.X", "H{0}.java", "class H{0} {{ static int X = {0}; }}\n"),
        ),
    ],
)
def test_a_script_may_have_300_helpers(site: Site, name: str, text: str, helper: tuple[str, str, str]) -> None:
    """A name that is looked for counted as much as one that is there, so 128 modules of Python were the most."""
    wants, file, content = helper
    for number in range(300):
        site.write(file.format(number), content.format(number))

    result = site.run(name, text.format("".join(wants.format(number) for number in range(300))))

    assert (result.exit_code, result.error) == (299, None)


@pytest.mark.parametrize(
    ("name", "text", "helper", "content"),
    [
        ("Bad.py", "import x\ndef main(args): return x.X\n", "x.py", "X = 3\n"),
        ("Bad.js", 'exports.main = () => require("./x.js").X;\n', "x.js", "exports.X = 3;\n"),
        (
            "Bad.java",
            "public class Bad { public static int main(String[] a) { return x.X; } }\n",
            "x.java",
            "class x { static int X = 3; }\n",
        ),
    ],
)
def test_a_helper_that_leads_out_of_the_allowed_directories_is_not_loaded(
    tmp_path: Path, name: str, text: str, helper: str, content: str
) -> None:
    for directory in ("allowed", "elsewhere"):
        (tmp_path / directory).mkdir()
    (tmp_path / "elsewhere" / helper).write_text(content, encoding="utf-8")
    (tmp_path / "allowed" / helper).symlink_to(tmp_path / "elsewhere" / helper)
    with Runner(Settings(**PATIENT, script_dirs=[tmp_path / "allowed"])) as runner:
        site = Site(runner, tmp_path / "allowed")

        result = site.run(name, text)

        assert result.exit_code is None
        assert "is not in a directory of script_dirs" in str(result.error)
        assert site.serves(Path(name).suffix)


# Python


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'latin-1')",
        "sys.stdout.buffer.close()",
        "os.environ = {'PATH': '/nowhere'}",
        "sys.stdout = sys.stderr = sys.stdin = None",
    ],
)
def test_what_a_script_does_to_its_streams_and_environment_costs_no_worker(site: Site, body: str) -> None:
    """The bridge looked whether a stream was closed, which throws where it was detached."""
    assert site.serves(".py")
    before = site.pids

    for _ in range(2):
        assert site.run("Bad.py", f"import io, os, sys\ndef main(args):\n    {body}\n    return 0\n").error is None
        looks = "import os, sys\ndef main(args):\n    print('x')\n    return len(os.environ) - len(os.environ.copy())\n"
        assert site.run("Looks.py", looks).exit_code == 0
        assert site.serves(".py")

    assert site.pids == before


def test_a_bridge_that_a_script_breaks_ends_at_once(site: Site) -> None:
    """It ended at Python's own pace, after the script's threads and handlers: at the deadline of the call."""
    loops = "lambda: [None for _ in iter(int, 1)]"
    text = (
        "import atexit, threading, SR\ndef main(args):\n    def fails(*_): raise ValueError\n"
        f"    atexit.register({loops})\n    threading.Thread(target={loops}).start()\n"
        "    SR.calls.Calls.end = fails\n    return 0\n"
    )

    assert isinstance(site.run("Bad.py", text).error, WorkerDied)
    assert site.serves(".py")


# JavaScript


@pytest.mark.parametrize(
    "pollution",
    [
        '{ entry: "main", fresh: true, profile: true, plan: { reads: [], edits: [] } }',
        '{ method: "exec", id: 1, result: "evil" }',
    ],
)
def test_a_polluted_prototype_is_not_part_of_a_message(site: Site, pollution: str) -> None:
    """Each later call of every script in that worker was refused, and the worker was kept."""
    assert site.run("Bad.js", f"exports.main = () => {{ Object.assign(Object.prototype, {pollution}); }};\n").ok

    assert site.serves(".js")


def test_a_thrown_thing_that_throws_when_it_is_looked_at_is_an_error_of_its_script(site: Site) -> None:
    """The bridge failed on it, and the call waited until its deadline."""
    handler = "{ get() { throw 1; }, getPrototypeOf() { throw 2; } }"
    result = site.run("Bad.js", f"exports.main = () => {{ throw new Proxy({{}}, {handler}); }};\n")

    assert isinstance(result.error, ScriptError)
    assert site.serves(".js")


def test_a_bridge_of_node_that_a_script_breaks_ends_at_once(site: Site) -> None:
    """It stood still, and the next call waited until its deadline."""
    breaks = "Array.prototype[Symbol.iterator] = () => { throw new Error('broken'); };"
    assert site.run("Bad.js", f"exports.main = () => {{ {breaks} }};\n").error is None

    assert isinstance(site.run("Other.js", GOOD["Good.js"]).error, WorkerDied)
    assert site.serves(".js")


def test_a_function_with_a_name_that_is_no_text_is_a_ksr_error(site: Site) -> None:
    """The line had a null in place of the name, which cost the worker."""
    text = (
        'const { KSR, KsrError } = require("SR");\nexports.main = () => {\n'
        '  try { KSR["\\ud800"].x(1); } catch (error) { return error instanceof KsrError ? 4 : 5; }\n};\n'
    )

    assert site.run("Bad.js", text).exit_code == 4


def test_what_is_missing_is_said_in_one_line(site: Site) -> None:
    error = site.run("Bad.js", '\nconst x = require("./nope");\nexports.main = () => 0;\n').error

    assert str(error) == f"{site.directory}/Bad.js:2: Error: Cannot find module './nope'"


# Java


def test_a_class_that_needs_more_memory_than_there_is_costs_a_worker_though_a_thread_of_a_script_runs(
    site: Site,
) -> None:
    """The thread kept the process, and the load waited until its deadline."""
    keeps = "static { Thread thread = new Thread(() -> { while (true) Thread.onSpinWait(); }); thread.start(); }"
    main = "public static int main(String[] a) { return 3; }"
    assert site.run("Keeps.java", f"public class Keeps {{ {keeps} {main} }}\n").exit_code == 3
    with zipfile.ZipFile(site.directory / "Bad.jar", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: Bad\n\n")
        with jar.open("Bad.class", "w", force_zip64=True) as file:
            for _ in range(1200):
                file.write(bytes(1 << 20))

    result = site.run("Bad.jar")

    assert isinstance(result.error, WorkerDied), result
    assert site.serves(".java")
