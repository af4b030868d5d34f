"""What a script gets for a function of KSR that is refused, that is not there, or that the setting allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import compile_script
from tests.kamailio.rig import KAMAILIO
from tests.kamailio.test_app_mono import PATIENT, Site, site

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["site"]
pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed: make test installs it")

READS = """
using SR;

public static class Reads
{
    public static int Main(string[] a)
    {
        Core.Log(2, "read " + KSR.corex.file_read(a[0]) + "\\n");
        return 0;
    }
}
"""


def built(site: Site, text: str) -> Path:
    source, script = site.directory / "Reads.cs", site.daemon.scripts / "Reads.exe"
    source.write_text(text, "utf-8")
    script.write_bytes(compile_script(source).read_bytes())
    return script


def started(site: Site, file: Path, settings: str = "", more: str = 'loadmodule "corex.so"\n') -> None:
    file.write_text("what is in it", "utf-8")
    call = f'python_exec("mono_exec", "{built(site, READS)} {file}");'
    site.start(call, settings=PATIENT + settings, more=more)


def test_a_refused_function_ends_the_script_and_the_log_says_why(site: Site, tmp_path: Path) -> None:
    started(site, tmp_path / "file")

    assert site.result() == -1
    assert "KSR.corex.file_read is refused: it reads or writes a file that the script names" in site.kamailio.log()
    assert "what is in it" not in site.kamailio.log()


def test_the_setting_allows_it(site: Site, tmp_path: Path) -> None:
    started(site, tmp_path / "file", 'ksr_allow = ["corex.file_read"]\n')

    assert site.result() == 1
    assert "read what is in it" in site.kamailio.log()


def test_a_module_that_is_not_loaded_is_named_with_its_line(site: Site, tmp_path: Path) -> None:
    started(site, tmp_path / "file", 'ksr_allow = ["corex.*"]\n', more="")

    assert site.result() == -1
    assert 'KSR.corex.file_read is not there: add loadmodule "corex.so" to kamailio.cfg' in site.kamailio.log()
