"""runner.runtimes.classes: a source in Java is compiled once by content, by a process that lives for all sources."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner import mcs
from runner.errors import BuildError, CompilerLost, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes import classes
from runner.settings import Settings
from tests.bridges.java_worker import NO_JAVAC
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S, stop, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.runtimes.runtime import Made

pytestmark = pytest.mark.skipif(bool(NO_JAVAC), reason=NO_JAVAC)

JAVA = ("java",)
# As on a machine with a JRE only.
JRE = ("java", "--limit-modules", "java.base,java.compiler")
STARTER = """
import sys
from pathlib import Path
from runner.runtimes import classes
load = {"path": "/x/M.java", "file": sys.argv[2], "helpers": {}}
classes.compile_source(("java",), Path(sys.argv[1]), load, stays_warm=False)
print(classes.process(("java",)).pid)
"""
GIVES = "public class Gives {{ public static int main() {{ return {}; }} }}\n"


class Sources:
    """Copies of sources, and what becomes of them."""

    def __init__(self, copies: Path) -> None:
        self.copies = copies
        copies.mkdir()

    def copy(self, text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        (self.copies / digest).write_text(text, encoding="utf-8")
        return digest

    def compiled(
        self,
        text: str,
        path: str = "/x/M.java",
        command: tuple[str, ...] = JAVA,
        *,
        stays_warm: bool = False,
        **helpers: str | None,
    ) -> Made:
        beside = {
            f"{name}.java": text if text is None else {"path": f"/x/{name}.java", "file": self.copy(text)}
            for name, text in helpers.items()
        }
        load: dict[str, Any] = {"path": path, "file": self.copy(text), "helpers": beside}
        return classes.compile_source(command, self.copies, load, stays_warm=stays_warm)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return mcs.cache_directory() / "classes"


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path / "sources")


def compiler() -> int | None:
    """The process, where there is one: what is compiled while there is none starts one."""
    return classes.process(JAVA).pid


def end_compiler() -> None:
    classes.process(JAVA).stop()
    assert compiler() is None


def names(made: Made) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(made.content)) as jar:
        return jar.namelist()


def test_a_source_is_compiled_once_by_content_wherever_it_lies(sources: Sources, cache: Path) -> None:
    text = "class M { class In { } }"
    made = sources.compiled(text)
    assert (names(made), made.needs) == (["META-INF/MANIFEST.MF", "M.class", "M$In.class"], ())
    end_compiler()

    assert sources.compiled(text) == made
    assert sources.compiled(text, "/elsewhere/M.java") == made
    assert compiler() is None
    sources.compiled(text, "/x/N.java")
    sources.compiled(f"{text}\n")
    assert len(list(cache.iterdir())) == 3


def test_what_a_source_needs_is_known_after_a_restart_too(sources: Sources) -> None:
    text = "class M { int get() { return H.x; } }"
    assert sources.compiled(text) == (b"", ("H.java", "H.class"))
    made = sources.compiled(text, H="class H { static int x; }")
    assert names(made)[1:] == ["H.class", "M.class"]
    end_compiler()

    assert sources.compiled(text) == (b"", ("H.java", "H.class"))
    assert sources.compiled(text, H="class H { static int x; }") == made
    assert compiler() is None
    assert sources.compiled(text, H="class H { static long y; static int x; }").content != made.content
    assert sources.compiled(text, H=None) == (b"", ("H.class",))


def test_an_error_has_file_line_and_column_of_each_source_and_is_not_kept(sources: Sources, cache: Path) -> None:
    with pytest.raises(ScriptInvalid) as caught:
        sources.compiled("class M {\n  int x = H.x + !1;\n}", H='class H {\n  static int x = "";\n}')

    places = [line.partition(": ")[0] for line in str(caught.value).splitlines()]
    assert sorted(places) == ["/x/H.java:2:18", "/x/M.java:2:17"]
    assert not cache.exists()


@pytest.mark.parametrize("is_writable", [False, True])
def test_a_forged_file_is_refused_and_its_source_compiled_again(
    sources: Sources, cache: Path, caplog: pytest.LogCaptureFixture, *, is_writable: bool
) -> None:
    made = sources.compiled("class M { }")
    (file,) = cache.iterdir()
    forged = b"[]\n" + made.content.replace(b"M.class", b"N.class")
    file.write_bytes(hashlib.sha256(forged).hexdigest().encode() + b"\n" + forged if is_writable else forged)
    file.chmod(0o666 if is_writable else 0o600)

    assert names(sources.compiled("class M { }")) == names(made)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{file} is not used: ")
    end_compiler()
    assert names(sources.compiled("class M { }")) == names(made)
    assert compiler() is None


def test_a_compiler_that_died_is_replaced_and_one_that_dies_again_is_an_error(sources: Sources) -> None:
    sources.compiled("class M { }")
    first = compiler()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    sources.compiled("class M { int a; }")
    second = compiler()
    assert second not in {None, first}
    errors: list[str] = []
    endless = sources.copies / ("0" * 64)
    os.mkfifo(endless)  # whoever reads it waits for ever

    def ask() -> None:
        load = {"path": "/x/M.java", "file": endless.name, "helpers": {}}
        with pytest.raises(CompilerLost) as caught:
            classes.compile_source(JAVA, sources.copies, load, stays_warm=False)
        errors.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    os.kill(second or 0, signal.SIGKILL)
    until(lambda: compiler() not in {None, second}, "another one was started")
    os.kill(compiler() or 0, signal.SIGKILL)
    asking.join(mcs.COMPILE_TIMEOUT_S)

    assert errors == ["the compiler ended in the middle of a compilation"]
    assert sources.compiled("class M { int b; }").content


def test_a_compiler_that_takes_too_long_is_ended(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.compiled("class M { }")
    first = compiler()
    stop(first or 0)
    with monkeypatch.context() as patched:
        patched.setattr(mcs, "COMPILE_TIMEOUT_S", 0.1)
        with pytest.raises(CompilerLost, match=r"^the compiler took longer than 0\.1 s$"):
            sources.compiled("class M { int a; }")

    assert not Path(f"/proc/{first}").exists()
    assert sources.compiled("class M { int a; }").content


def test_a_source_that_is_too_much_for_the_compiler_is_an_error_and_the_process_goes_on(sources: Sources) -> None:
    deep = f"class M {{ int x = {'(' * 20_000}1{')' * 20_000}; }}"

    with pytest.raises(ScriptInvalid, match=r"^/x/M\.java: the compiler failed: .*StackOverflowError"):
        sources.compiled(deep)
    first = compiler()
    assert sources.compiled("class M { }").content
    assert compiler() == first


def test_a_java_without_a_compiler_says_what_to_install(sources: Sources) -> None:
    with pytest.raises(
        ScriptInvalid, match=r"^/x/M\.java: this Java has no compiler; install a JDK, or use a \.class or \.jar$"
    ):
        sources.compiled("class M { }", command=JRE)
    classes.process(JRE).stop()


def test_where_there_is_no_room_it_is_said_where(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(sources.copies / "gone"))

    with pytest.raises(BuildError, match=rf"^{sources.copies}/gone: expected room to compile there: No such file"):
        sources.compiled("class M { }")


def test_where_one_goes_on_for_long_the_compiler_is_warm_before_the_first_change(sources: Sources) -> None:
    made = sources.compiled("class M { }")
    end_compiler()

    assert sources.compiled("class M { }", stays_warm=True) == made
    until(lambda: compiler() is not None, "the compiler is started")
    for warming in [thread for thread in threading.enumerate() if thread.name == "compiler warms"]:
        warming.join(mcs.COMPILE_TIMEOUT_S)


def test_the_compiler_ends_with_the_process_that_started_it(sources: Sources) -> None:
    command = [sys.executable, "-c", STARTER, str(sources.copies), sources.copy("class M { }")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr
    until(lambda: not Path(f"/proc/{int(done.stdout)}/exe").exists(), "the compiler has ended")


def settings(max_workers: int) -> Settings:
    return Settings(
        script_dirs=None,
        observer="none",
        max_workers=max_workers,
        spare_workers=0,
        allocate_timeout_s=60,
        start_timeout_s=60,
        poison_s=600,
    )


def gives(runner: Runner, script: Path, number: int) -> None:
    result = runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=60)
    assert (result.error, result.exit_code) == (None, number)


def test_all_workers_of_a_runner_and_of_the_next_one_share_what_was_compiled_once(tmp_path: Path, cache: Path) -> None:
    script = tmp_path / "Gives.java"
    script.write_text(GIVES.format(3), encoding="ascii")
    for is_first in (True, False):
        end_compiler()
        with Runner(settings(max_workers=2), begins_with=["java"]) as runner:
            gives(runner, script, 3)
            assert (compiler() is not None) is is_first
            end_compiler()
            with runner.pools.of("java").pool.lease(None, time.monotonic() + WAIT_S):  # the one that has it
                gives(runner, script, 3)
            assert len({worker.pid for worker in runner.snapshot().workers}) == 2
        assert compiler() is None

    assert len(list(cache.iterdir())) == 1


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(settings(max_workers=1), begins_with=["java"]) as found:
        yield found


def test_a_change_that_does_not_compile_leaves_the_last_build_and_one_that_does_is_live_at_once(
    runner: Runner, tmp_path: Path
) -> None:
    script, helper = tmp_path / "Gives.java", tmp_path / "H.java"
    for content, number in (("3", 3), ('"?"', 3), ("4 + H.x", 3), ("5", 5)):
        script.write_text(GIVES.format(content), encoding="ascii")
        gives(runner, script, number)
    script.write_text(GIVES.format("H.x"), encoding="ascii")
    for number in (6, 7):
        helper.write_text(f"class H {{ static int x = {number}; }}", encoding="ascii")
        gives(runner, script, number)


def test_a_source_that_takes_the_compiler_with_it_is_refused_for_a_while(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "Gives.java"
    script.write_text(GIVES.format(3), encoding="ascii")
    gives(runner, script, 3)
    stop(compiler() or 0)
    script.write_text(GIVES.format(4), encoding="ascii")
    with monkeypatch.context() as patched:
        patched.setattr(mcs, "COMPILE_TIMEOUT_S", 0.1)
        lost = runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=60)
    refused = runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=60)
    script.write_text(GIVES.format(5), encoding="ascii")
    gives(runner, script, 5)

    assert str(lost.error) == f"{script}: the compiler took longer than 0.1 s"
    assert str(refused.error).startswith(f"{script}: refused for ")


def test_a_caller_waits_no_longer_than_it_may_and_the_source_is_compiled_all_the_same(
    runner: Runner, tmp_path: Path
) -> None:
    script = tmp_path / "Gives.java"
    script.write_text(GIVES.format(3), encoding="ascii")
    gives(runner, script, 3)
    pid = compiler() or 0
    stop(pid)
    script.write_text(GIVES.format(4), encoding="ascii")
    late = runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=1.0)
    os.kill(pid, signal.SIGCONT)
    gives(runner, script, 4)

    assert str(late.error) == f"{script}: it is being compiled, which takes longer than a call may wait"
    assert compiler() == pid
