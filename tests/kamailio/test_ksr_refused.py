"""What a script gets for a function of KSR that is refused, that is not there, or that the setting allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import compile_script
from tests.kamailio.rig import KAMAILIO
from tests.kamailio.test_app_mono import PATIENT, Site, site
from tests.programs import WAIT_S

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


ANSWERS = """
using SR;

public static class Answers
{
    public static int Main()
    {
        bool isUnknown = Core.ModF("no_such", "a") == -127 && Core.ModF("sl_send_reply", "404") == -127;
        return isUnknown && Core.ModF("sl_send_reply", "404", "Not Here") == 1 ? 0 : 1;
    }
}
"""


def built(site: Site, text: str) -> Path:
    source, script = site.directory / "Script.cs", site.daemon.scripts / "Script.exe"
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


def test_modf_with_arguments_answers_a_request(site: Site) -> None:
    site.start(f'if (python_exec("mono_exec", "{built(site, ANSWERS)}")) {{ exit; }}', settings=PATIENT)

    answer = site.peer.ask(site.peer.request(), WAIT_S)

    assert (answer or b"").startswith(b"SIP/2.0 404 Not Here\r\n")
    assert "ModF cannot run 'no_such': no loaded module has a KEMI function of that name" in site.kamailio.log()
