"""Loads of scripts in Java: what is told when they cannot run, what lies beside them, and builds that are replaced."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from runner.errors import EntryMissing, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runtimes import java
from tests.bridges.java_worker import JAVAC, NO_JAVAC, body, run, started, written
from tests.bridges.started import Started, soon
from tests.places import INVITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(bool(NO_JAVAC), reason=NO_JAVAC)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """One worker for all tests: they leave it as it was."""
    with started(tmp_path_factory.mktemp("worker")) as process:
        yield process


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)


def test_what_is_no_java_is_told_with_its_place_and_does_not_run(worker: Started, tmp_path: Path) -> None:
    script = written(tmp_path, "Wrong.java", "class Wrong {\n  int f( { }\n}\n")

    with pytest.raises(ScriptInvalid, match=rf"^{script}:2:10: "):
        worker.loaded(script)


def test_what_does_not_compile_is_told_with_its_place(worker: Started, tmp_path: Path) -> None:
    with pytest.raises(
        ScriptInvalid, match=rf"^{tmp_path}/Typo\.java:4:\d+: cannot find symbol, symbol: +variable nam"
    ):
        worker.loaded(body(tmp_path, "Typo", "return nam;"))
    with pytest.raises(ScriptInvalid, match=r"Types\.java:4:\d+: incompatible types"):
        worker.loaded(body(tmp_path, "Types", 'return "x";'))


def test_an_exception_of_the_top_level_is_an_error_of_the_load_with_its_line(worker: Started, tmp_path: Path) -> None:
    script = body(tmp_path, "TopLevel", "return 0;", '\nstatic int x = Integer.parseInt("?");')

    with pytest.raises(ScriptInvalid, match=rf"^{script}:3: java\.lang\.NumberFormatException: ") as caught:
        worker.loaded(script)
    assert "at TopLevel.<clinit>(TopLevel.java:3)" in caught.value.detail


def test_a_script_needs_a_main_that_gives_an_int_or_nothing(worker: Started, tmp_path: Path) -> None:
    with pytest.raises(ScriptInvalid, match="expected public static int main"):
        worker.loaded(written(tmp_path, "Nothing.java", "class Nothing { }"))
    assert run(worker, written(tmp_path, "Void.java", "class Void { public static void main() { } }")).code == 0
    with pytest.raises(ScriptInvalid, match="expected public static int main"):
        worker.loaded(written(tmp_path, "Bool.java", "class Bool { static boolean main(String[] a) { return true; } }"))


def test_of_several_classes_that_named_as_the_file_has_main(worker: Started, tmp_path: Path) -> None:
    one = "class One { public static int main(String[] args) { return 1; } }\n"
    two = "class Two { public static int main(String[] args) { return 2; } }\n"

    assert run(worker, written(tmp_path, "Two.java", one + two)).code == 2
    assert run(worker, written(tmp_path, "Other.java", "class Three { }" + one + two)).code == 1


def test_entries_run_by_their_name_with_the_same_statics(worker: Started, tmp_path: Path, host: MessageHost) -> None:
    script = written(
        tmp_path,
        "Routes.java",
        "import SR.PV;\npublic class Routes {\n  static int runs;\n"
        '  public static int request(String name) { PV.setS("$var(n)", name); return ++runs; }\n'
        "  public static String branch() { runs++; return null; }\n"
        "  private static void hidden() { }\n  public static int two(int a) { return a; }\n}\n",
    )
    generation = worker.loaded(script)

    assert set(generation.entries or ()) == {"request", "branch"}
    assert run(worker, generation, host, "bob", entry="request").code == 1
    assert host.get_s("$var(n)") == "bob"
    assert run(worker, generation, entry="branch").code == 0
    assert run(worker, generation, entry="request").code == 3
    with pytest.raises(EntryMissing):
        run(worker, generation)


def test_fresh_gives_new_statics(worker: Started, tmp_path: Path) -> None:
    generation = worker.loaded(body(tmp_path, "Counts", "return ++count;", "static int count;"))

    assert [run(worker, generation, fresh=fresh).code for fresh in (False, False, True, True, False)] == [1, 2, 1, 1, 2]


def test_two_scripts_have_different_helpers_of_one_name(worker: Started, tmp_path: Path) -> None:
    generations = []
    for number in (1, 2):
        directory = tmp_path / str(number)
        script = body(directory, "Uses", "return Util.number() + lib.Deep.number();")
        written(directory, "Util.java", f"class Util {{ static int number() {{ return {number}; }} }}")
        deep = "package lib; public class Deep { public static int number() { return Deeper.number(); } }"
        written(directory, "lib/Deep.java", deep)
        written(directory, "lib/Deeper.java", "package lib; class Deeper { static int number() { return 10; } }")
        generations.append(worker.loaded(script))

    assert [run(worker, generation).code for generation in generations] == [11, 12]
    assert generations[0].helpers["lib/Deeper.java"]
    assert generations[0].helpers["Util.class"] is None


def compiled(source: Path, output: Path, *more: str) -> None:
    sr = java.ensure().sr
    subprocess.run([JAVAC, "-cp", f"{sr}:{output}", "-d", output, *more, source], check=True, timeout=120)


def test_a_class_file_runs_with_the_classes_beside_it(worker: Started, tmp_path: Path) -> None:
    written(
        tmp_path, "src/Util.java", "package p; class Util { static class In { static int number() { return 5; } } }"
    )
    written(
        tmp_path, "src/Uses.java", "package p; class Uses { public static int main() { return Util.In.number(); } }"
    )
    compiled(
        tmp_path / "src" / "Uses.java", tmp_path, "-sourcepath", str(tmp_path), str(tmp_path / "src" / "Util.java")
    )

    generation = worker.loaded(tmp_path / "p" / "Uses.class")

    assert {name for name, helper in generation.helpers.items() if helper} == {"Util.class", "Util$In.class"}
    assert run(worker, generation).code == 5


def jar(place: Path, classes: Path, manifest: str) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        for file in classes.rglob("*.class"):
            archive.write(file, str(file.relative_to(classes)))
    return place


def test_a_jar_runs_with_those_of_its_class_path(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Util.java", "package lib; public class Util { public static int number() { return 6; } }")
    written(tmp_path, "src/Uses.java", "public class Uses { public static int main() { return lib.Util.number(); } }")
    compiled(tmp_path / "src" / "Util.java", tmp_path / "lib")
    (tmp_path / "own").mkdir()
    compiled(tmp_path / "src" / "Uses.java", tmp_path / "own", "-cp", str(tmp_path / "lib"))
    jar(tmp_path / "util.jar", tmp_path / "lib", "")
    script = jar(
        tmp_path / "Uses.jar", tmp_path / "own", "Main-Class: Uses\nClass-Path: util.jar gone.jar /etc/x.jar\n"
    )

    generation = worker.loaded(script)

    assert {name: helper is not None for name, helper in generation.helpers.items()} == {
        "util.jar": True,
        "gone.jar": False,
    }
    assert run(worker, generation).code == 6
    with pytest.raises(ScriptInvalid, match="Main-Class"):
        worker.loaded(tmp_path / "util.jar")


def test_a_source_names_the_jars_that_it_needs(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Util.java", "package lib; public class Util { public static int number() { return 8; } }")
    compiled(tmp_path / "src" / "Util.java", tmp_path / "made")
    script = body(tmp_path, "Refers", "// app-mono: -r:more/util.jar\nreturn lib.Util.number();")
    (tmp_path / "more").mkdir()

    with pytest.raises(ScriptInvalid, match=r"Refers\.java: there is no more/util\.jar beside it"):
        worker.loaded(script)
    jar(tmp_path / "more" / "util.jar", tmp_path / "made", "Class-Path: gone.jar\n")
    assert run(worker, script).code == 8
    for wrong in ("-r:../x.jar", "-r:/x.jar", "-d:x"):
        with pytest.raises(
            ScriptInvalid, match=rf"Wrong1\.java:4:1: app-mono: expected -r:NAME\.jar or -file:NAME, but {wrong} came"
        ):
            worker.loaded(body(tmp_path, "Wrong1", f"// app-mono: {wrong}\nreturn 0;"))


def test_a_class_that_is_asked_for_by_name_is_found_at_load_and_while_it_runs(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Plugin.java", "public class Plugin { public static int version = 7; }")
    compiled(tmp_path / "src" / "Plugin.java", tmp_path)
    get = 'Class.forName("Plugin").getField("version").getInt(null)'
    top = f"static int got; static {{ try {{ got = {get}; }} catch (ReflectiveOperationException e) {{ got = -1; }} }}"
    at_load = worker.loaded(body(tmp_path, "AtLoad", "return got;", top))
    late = worker.loaded(
        body(
            tmp_path,
            "Late",
            f'try {{ Class.forName("Gone"); }} catch (ClassNotFoundException e) {{ return {get}; }} return 0;',
        )
    )

    assert run(worker, at_load).code == 7
    assert at_load.helpers["Plugin.class"]
    assert not late.helpers
    assert run(worker, late).code == 7


def test_a_copy_that_was_changed_is_not_loaded(worker: Started, tmp_path: Path) -> None:
    generation = worker.loaded(body(tmp_path, "Changed", "return 0;"))
    (worker.copies / generation.loaded.hash).write_text("class Changed { }")

    with pytest.raises(ScriptInvalid, match="the runner's copy was changed"):
        worker.conversation.load(generation, soon())


def test_old_generations_are_collected_and_their_files_removed(worker: Started, tmp_path: Path) -> None:
    builds = worker.copies.with_name("builds")
    for number in range(30):  # each keeps 64 MiB, and the heap has 1024 MiB
        held = f"static byte[] held = new byte[(64 << 20) + {number}];"
        assert run(worker, body(tmp_path, "Holds", "return held.length >> 20;", held)).code == 64
    assert len(list(builds.iterdir())) <= len(worker.conversation.holdings.loaded)
