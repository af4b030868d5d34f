"""runner.migrate: what a whole configuration becomes, and what is left to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.migrate import diff
from tests.migrate.configurations import changed, left

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("mono_exec($var(x));", 1, "not constant"),
        ('\nmono_exec("/a/x.exe", $rU);', 2, "not constant"),
        ("mono_exec(S);", 1, "not defined"),
        ("#!defenv S\nmono_exec(S);", 2, "environment"),
        ("mono_exec();", 1, "1 or 2 arguments"),
        ('mono_run("a", "b");', 1, "0 or 1 arguments"),
        ("#!define RUN mono_run\n", 1, "parenthesis"),
        ('mono_exec("/a/x.exe"', 1, "not closed"),
        ('mono_exec("x.exe");', 1, "does not begin with a directory"),
        ('mono_exec("$var(p)");', 1, "does not begin with a directory"),
        ('mono_exec("/a/x.exe",\n#!ifdef A\n"a"\n#!endif\n);', 1, "preprocessor"),
        ('#!subst "/x.exe$/y z/"\nmono_exec("/a/x.exe", "p");', 2, "#!subst"),
        ('#!substdef "!M!app_mono!"\nloadmodule "M.so"', 2, "#!subst"),
        ('modparam("app_.*", "load", "/a/x.exe")', 1, "write one modparam a module"),
        ('modparam("app_mono", "register", "x")', 1, "unknown"),
        ('modparam("app_mono", "load", "/a.exe")\nmodparam("app_mono", "load", "/b.exe")', 2, "second script"),
        ("#!ifdef NOTES\nDon't call mono_run()\n#!endif\n", 1, "not configuration"),
        ('include_file "gone.cfg"\nmono_run();', 0, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_translated_is_named_with_its_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    found = left(tmp_path, text)

    assert [(where, why in told) for where, told in found] == ([(line, True)] if line else [])


def test_what_cannot_be_translated_stays_as_it_is(tmp_path: Path) -> None:
    assert changed(tmp_path, "mono_exec($var(x));")[0] == "mono_exec($var(x));"


def test_what_has_nothing_of_app_mono_does_not_change_and_needs_no_settings(tmp_path: Path) -> None:
    _, found = changed(tmp_path, 'loadmodule "sl.so"\nroute { xlog("mono_exec(1)"); # mono_run()\n}\n')

    assert (found.changed, found.findings, found.settings) == ((), (), "")


def test_a_second_migration_finds_nothing(tmp_path: Path) -> None:
    old = 'loadmodule "app_mono.so"\nmodparam("app_mono", "load", "/a/x.exe")\nroute { mono_run("x"); }\n'

    text, _ = changed(tmp_path, old)
    again, found = changed(tmp_path, text)

    assert (again, found.changed, found.open) == (text, (), ())


def test_a_diff_shows_a_missing_last_line_end() -> None:
    assert diff("x", "a", "b") == [
        *("--- x", "+++ x", "@@ -1 +1 @@", "-a", "\\ No newline at end of file"),
        *("+b", "\\ No newline at end of file"),
    ]


PARTS = st.sampled_from(
    [
        *(
            "mono_exec",
            "mono_run",
            "(",
            ")",
            ",",
            '"',
            "'",
            "\\",
            "\n",
            "\r\n",
            " ",
            "$",
            "$(",
            "/*",
            "*/",
            "#",
            "+",
            "S",
        ),
        *("#!ifdef A\n", "#!else\n", "#!endif\n", "#!define S ", '"/a/x.exe"', "loadmodule", '"app_mono"', "modparam"),
        *('"load"', '#!substdef "!S!/b!g"', 'include_file "kamailio.cfg"', "\0", "\udcff", "5"),
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, max_size=30).map("".join), st.booleans())
def test_any_text_is_migrated_or_reported_and_never_half_read(tmp_path: Path, text: str, follow: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    new, found = changed(tmp_path, text, follow=follow)

    if not found.changed:
        assert new == text
    assert all(finding.line >= 1 for finding in found.findings)
