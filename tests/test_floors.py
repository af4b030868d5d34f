"""The floors of docs/architecture.md: who may import whom, read from the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import runner

PACKAGE = Path(runner.__file__).parent
ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"

# From the ground up: folders and modules directly under runner.
FLOORS = (
    {"errors", "calls", "backoff", "printable", "trust", "reviewed"},
    {"directives"},
    {"settings", "wire", "sip", "migrate", "installed", "mcs", "ksr"},
    {"compilers"},
    {"runtimes", "lane"},
    {"scripts", "hosts"},
    {"worker", "build"},
    {"pool", "control", "job", "bridges"},
    {"at_once", "exec_counts"},
    {"runner", "client", "machine"},
    {"cluster"},
    {"daemon", "listener"},
    {"web"},
    {"cli"},
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

# What a child of Kamailio imports. It runs in the server's own Python, where nothing of ours is installed.
IN_KAMAILIO = (
    "backoff",
    "worker.loading",
    "client.lease",
    "hosts.kamailio.host",
    "hosts.kamailio.exports",
    "hosts.kamailio.ksr",
    "printable",
)
BLOCKED = (
    "pydantic",
    "watchdog",
    "platformdirs",
    "rich",
    "typer",
    "waitress",
    "prometheus_client",
    "nats",
)

MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES
}


def part(path: Path) -> str:
    """The module or package directly under ``runner`` that a file belongs to; empty for ``runner`` itself."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__init__", "")


def imported(path: Path) -> set[str]:
    """The parts of ``runner`` that a file imports, wherever in it."""
    return {name.split(".")[1] for name in _imported_names(path) if name.startswith("runner.")}


def imported_modules(path: Path) -> set[str]:
    """The modules of ``runner`` that a file imports, wherever in it. The package above a module does not count."""
    found = set()
    for name in _imported_names(path):
        if name not in NAMES:  # something in a module
            name = name.rpartition(".")[0]  # noqa: PLW2901
        if name in NAMES:
            found.add(name)
    return found


def _imported_names(path: Path) -> set[str]:
    """
    All that a file imports, with the names in front of it: ``runner.errors.RunnerError``.

    Imports for types only are left out: they are gone when the program runs.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ["runner", *path.relative_to(PACKAGE).parent.parts]
    found: set[str] = set()
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def _walk(node: ast.AST) -> list[ast.AST]:
    found = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        found += _walk(child)
    return found


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_module_has_its_floor() -> None:
    assert {part(path) for path in MODULES} - {""} == set(FLOOR)


def test_the_floors_are_those_of_the_document() -> None:
    _, _, floors = ARCHITECTURE.read_text(encoding="utf-8").partition("## Floors")
    lines = re.findall(r"^    ([a-z_ ]+?)  +\S", floors.partition("\n## ")[0], re.MULTILINE)
    documented = [line.split() for line in lines]

    assert [set(names) for names in documented] == list(FLOORS)


def test_the_picture_of_the_house_has_every_room() -> None:
    _, _, house = ARCHITECTURE.read_text(encoding="utf-8").partition("## The house")
    words = set(re.findall(r"[a-z_]+", house.partition("\n## ")[0]))
    rooms = {
        name
        for path in MODULES
        if "pv" not in path.parts and not path.stem.startswith("__")
        for name in path.relative_to(PACKAGE).with_suffix("").parts
    }

    assert rooms - words == set()


@pytest.mark.parametrize("path", [path for path in MODULES if part(path)], ids=relative)
def test_a_module_imports_only_from_floors_below_its_own(path: Path) -> None:
    own = part(path)

    assert {name for name in imported(path) - {own} if FLOOR[name] >= FLOOR[own]} == set()


@pytest.mark.parametrize("path", [path for path in MODULES if part(path) == "hosts"], ids=relative)
def test_a_host_knows_messages_and_calls_only(path: Path) -> None:
    assert imported(path) <= {"calls", "errors", "hosts", "printable", "reviewed", "sip"}


def test_the_two_hosts_do_not_know_each_other() -> None:
    for own, other in (("embedded", "kamailio"), ("kamailio", "embedded")):
        for name, path in NAMES.items():
            if name.startswith(f"runner.hosts.{own}"):
                assert not [found for found in imported_modules(path) if found.startswith(f"runner.hosts.{other}")]


def test_only_the_host_itself_knows_pseudo_variables() -> None:
    knows = {
        name
        for name, path in NAMES.items()
        if name.startswith("runner.") and ".pv" not in name and any(".pv." in found for found in imported_modules(path))
    }

    assert knows == {"runner.hosts.embedded.host"}


def test_no_module_is_in_an_import_circle() -> None:
    """An import inside a function counts: it hides a circle and does not open it."""
    needs = {name: imported_modules(path) - {name} for name, path in NAMES.items()}

    while ready := {name for name, needed in needs.items() if not needed}:
        needs = {name: needed - ready for name, needed in needs.items() if needed}

    assert needs == {}, "each of these is in a circle, or imports one that is"


def test_no_module_is_imported_by_a_name_that_is_made_up_as_it_runs() -> None:
    """Such an import is seen by nobody who looks for circles. The package itself re-exports lazily."""
    found = [relative(path) for path in MODULES if "import_module" in path.read_text(encoding="utf-8")]

    assert found == ["__init__.py"]


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert imported(PACKAGE / "__init__.py") == set()


def run(interpreter: str, code: str) -> str:
    """What a Python that sees neither our environment nor our packages prints."""
    done = subprocess.run(
        [interpreter, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", IN_KAMAILIO)
def test_what_a_child_of_kamailio_imports_is_the_standard_library(name: str) -> None:
    system = Path("/usr/bin/python3")
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        f"import runner.{name}\n"
        "known = sys.stdlib_module_names | {'runner', '__main__'}\n"
        f"print(sorted({{module.partition('.')[0] for module in sys.modules}} - known - set({BLOCKED!r})))"
    )

    # A distribution's own start-up files may import more, so what was there before counts as known.
    before = "import sys\nprint(sorted({module.partition('.')[0] for module in sys.modules} - sys.stdlib_module_names))"
    interpreter = str(system) if system.exists() else sys.executable
    known = set(ast.literal_eval(run(interpreter, before)))

    assert set(ast.literal_eval(run(interpreter, code))) - known == set()


def test_importing_the_package_imports_neither_pydantic_nor_watchdog() -> None:
    code = f"import sys\nsys.path.insert(0, {str(PACKAGE.parent)!r})\nimport runner\nprint(*sys.modules)"

    loaded = run(sys.executable, code).split()

    assert "runner" in loaded
    assert {name.partition(".")[0] for name in loaded} & set(BLOCKED) == set()
    assert [name for name in loaded if name.startswith("runner.")] == []


def test_every_public_name_is_there_when_it_is_asked_for() -> None:
    for name in runner.__all__:
        assert getattr(runner, name).__name__ == name

    assert set(runner.__all__) <= set(dir(runner))


def test_every_error_is_a_public_name() -> None:
    errors = {name for name, value in vars(runner.errors).items() if isinstance(value, type)}

    assert errors <= set(runner.__all__)


def test_an_unknown_name_is_an_attribute_error_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = runner.Nothing  # type: ignore[attr-defined]
