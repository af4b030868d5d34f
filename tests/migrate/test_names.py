"""runner.migrate.names: what names and rules of the preprocessor stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrate.configurations import changed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("define", "new"),
    [
        ('#!define S "/a/x.exe"', 'S + " p"'),
        ("#!define S '/a b/x.exe'", "'\"' + S + '\" p'"),
        ('#!define S "/a/$(rd).exe"', "'\"/a/$(rd{s.escape.common}).exe\" p'"),
        ('#!substdefs "!S!/a/x.exe!g"', 'S + " p"'),
        ('#!ifdef A\n#!define S "/a/x.exe"\n#!else\n#!define S "/b/x.exe"\n#!endif', 'S + " p"'),
        ('#!define T "/a/x.exe"\n#!define S T', 'S + " p"'),
    ],
)
def test_a_name_stays_a_name(tmp_path: Path, define: str, new: str) -> None:
    text, found = changed(tmp_path, f'{define}\nmono_exec(S, "p")')

    assert text.rpartition("\n")[2] == f'python_exec("mono_exec", {new})'
    assert found.open == ()


def test_what_a_subst_puts_into_a_path_counts(tmp_path: Path) -> None:
    text, found = changed(tmp_path, '#!substdef "!DIR!/my scripts!g"\nmono_exec("DIR/x.exe", "p")')

    assert "'\"DIR/x.exe\" p'" in text
    assert 'script_dirs = ["/my scripts"]' in found.settings


@pytest.mark.parametrize(
    ("rules", "path", "directory"),
    [
        ('#!substdef "!DIR!/srv/sip!g"\n#!substdef "!SCRIPTS!DIR/mono!g"', "SCRIPTS/b.exe", "/srv/sip/mono"),
        ('#!substdef "!SCRIPTS!DIR/mono!g"\n#!substdef "!DIR!/srv/sip!g"', "SCRIPTS/b.exe", "/srv/sip/mono"),
        ('#!subst "/A/srv/g"\n#!subst "/B/A-x/g"', "/B/b.exe", "/srv-x"),
        ('#!subst "/B/A-x/g"\n#!subst "/A/srv/g"', "/B/b.exe", "/srv-x"),
        ('#!subst "/A/C/g"\n#!subst "/A/D/g"', "/A/b.exe", "/D"),
    ],
)
def test_rules_are_applied_in_order_and_to_the_rules_after_them(
    tmp_path: Path, rules: str, path: str, directory: str
) -> None:
    """Asked of Kamailio 5.6.3, which names the path of a module that it cannot open. The last rule becomes /C/D/g."""
    text, found = changed(tmp_path, f'{rules}\nmono_exec("{path}", "p")')

    assert f'"{path} p"' in text
    assert f'script_dirs = ["{directory}"]' in found.settings
    assert found.open == ()
