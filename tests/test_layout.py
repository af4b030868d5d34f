"""The tests mirror the package: each module has a file of tests, or its tests are named here. And no file is long."""

from __future__ import annotations

from fnmatch import fnmatch

from tests.conftest import ALONE
from tests.places import ROOT

PACKAGE, TESTS = ROOT / "runner", ROOT / "tests"
SOURCES = ("bench", "bridge", "examples", "fuzz", "kamailio", "lib", "runner", "tests", "tools")
MOST_LINES = 400

# Modules without a file of their own name, and where their tests are: of a whole command, or of what they are part of.
# cli: a command is tested by what it prints. kamailio_cfg: what it prints is tried in a Kamailio.
# hosts: their parts are tested by what a script sees, at the embedded host and in a Kamailio.
# mcs: what it compiles is what a build asks of it.
# settings/__main__: it is the page docs/settings.md, which is compared whole.
# wire/events: records, which do nothing by themselves; a session makes them all.
TESTED_IN = {
    "cli/*.py": "cli/test_app.py",
    "cli/in_kamailio.py": "kamailio/test_in_kamailio.py",
    "cli/kamailio_cfg.py": "kamailio/test_migrated.py",
    "cli/private_kamailio.py": "kamailio/test_rig.py",
    "hosts/embedded/context.py": "hosts/embedded/test_host.py",
    "hosts/embedded/routing.py": "hosts/embedded/pv/test_values.py",
    "hosts/embedded/stateless.py": "hosts/embedded/test_modf.py",
    "hosts/embedded/to_tag.py": "hosts/embedded/test_outgoing.py",
    "hosts/embedded/value.py": "hosts/embedded/pv/test_transformations.py",
    "hosts/embedded/pv/*.py": "hosts/embedded/pv/test_values.py",
    "hosts/embedded/pv/selects/*.py": "hosts/embedded/pv/test_selects.py",
    "hosts/embedded/pv/transform.py": "hosts/embedded/pv/test_transformations.py",
    "hosts/embedded/pv/transformations/*.py": "hosts/embedded/pv/test_transformations.py",
    "hosts/kamailio/functions.py": "hosts/kamailio/test_exports.py",
    "hosts/kamailio/guards.py": "kamailio/test_odd_arguments.py",
    "mcs.py": "test_build.py",
    "settings/__main__.py": "settings/test_settings.py",
    "wire/events.py": "wire/test_session.py",
}


def without_own_tests() -> set[str]:
    modules = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
    return {str(module) for module in modules if not (TESTS / module.with_name(f"test_{module.name}")).exists()}


def test_every_module_has_its_tests() -> None:
    unknown = {module for module in without_own_tests() if not any(fnmatch(module, known) for known in TESTED_IN)}

    assert unknown == set(), "write tests/.../test_MODULE.py, or say in TESTED_IN where its tests are"


def test_the_table_is_as_short_as_it_can_be() -> None:
    modules = without_own_tests()

    assert [known for known in TESTED_IN if not any(fnmatch(module, known) for module in modules)] == []
    assert [tests for tests in TESTED_IN.values() if not (TESTS / tests).is_file()] == []


def test_no_source_file_is_long() -> None:
    sources = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".cs"}]
    lines = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in sources}

    assert lines.keys() >= {"runner/runner.py", "bridge/SRBridge.cs"}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_what_runs_alone_is_still_there() -> None:
    for place in ALONE:
        file, _, name = place.partition("::")
        assert name in (TESTS / file).read_text("utf-8"), place
