"""runner.migrate.sources: the files of a configuration, read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.migrate import migrate
from tests.migrate.configurations import CONFIG, SCRIPT, changed

if TYPE_CHECKING:
    from pathlib import Path


def test_included_files_are_named_and_with_follow_changed(tmp_path: Path) -> None:
    (tmp_path / "names.cfg").write_text('#!define S "/a/x.exe"\n')
    (tmp_path / "routes.cfg").write_text('route[X] { mono_exec(S, "p"); }\n')
    old = 'include_file "names.cfg"\n#!import_file "routes.cfg"\nimport_file "local.cfg"\nmono_run();\n'

    _, alone = changed(tmp_path, old)
    _, together = changed(tmp_path, old, follow=True)

    assert [(finding.line, finding.is_open) for finding in alone.findings] == [(1, False), (2, False), (3, False)]
    assert together.open == ()
    assert {source.path.name: new for source, new in together.changed}["routes.cfg"] == (
        'route[X] { python_exec("mono_exec", S + " p"); }\n'
    )


def test_an_included_file_that_is_missing_is_named(tmp_path: Path) -> None:
    _, found = changed(tmp_path, '\ninclude_file "gone.cfg"\n', follow=True)

    assert [(finding.line, finding.file.name) for finding in found.open] == [(2, "kamailio.cfg")]


def test_a_file_that_includes_itself_is_read_once(tmp_path: Path) -> None:
    _, found = changed(tmp_path, 'import_file "kamailio.cfg"\nmono_run();\n', follow=True)

    assert (len(found.changed), found.calls) == (1, 1)


def test_line_ends_and_bytes_of_any_kind_are_kept(tmp_path: Path) -> None:
    old = 'loadmodule "app_mono.so"\r\n# caf\udce9\r\nroute { mono_exec("/a/\udce9.exe", "\udcff"); }\r\n'

    text, _ = changed(tmp_path, old)

    assert "\n" not in text.replace("\r\n", "")
    assert '"/a/\udce9.exe \udcff"' in text


def test_a_file_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        migrate(tmp_path / "gone.cfg", script=SCRIPT, config=CONFIG)
