"""The locale during an exec; tests/kamailio/test_kamailio_host.py counts the bytes of a regular expression."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from runner.hosts.kamailio.c_locale import CLocale
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def codeset() -> str:
    import _locale  # noqa: PLC0415 - what the C library says now, not what Python remembers

    return _locale.nl_langinfo(_locale.CODESET)


def test_the_locale_is_c_for_this_thread_alone_and_what_it_was_afterwards() -> None:
    before = codeset()
    elsewhere: list[str] = []

    with CLocale():
        inside = codeset()
        thread = threading.Thread(target=lambda: elsewhere.append(codeset()))
        thread.start()
        thread.join()
        with CLocale():
            pass
        still_inside = codeset()

    assert [inside, still_inside] == ["ANSI_X3.4-1968"] * 2
    assert elsewhere == [before]
    assert codeset() == before


def test_what_other_scripts_of_that_python_read_keeps_its_encoding(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from runner.hosts.kamailio.c_locale import CLocale\n"
        "try:\n    with CLocale(): raise KeyError\nexcept KeyError: print(open(sys.argv[2]).read())"
    )
    text = tmp_path / "text"
    text.write_text("žluť", "utf-8")

    ran = subprocess.run(
        [sys.executable, "-I", "-X", "utf8=0", "-c", program, str(ROOT), str(text)],
        env={"LC_ALL": "C.UTF-8"}, capture_output=True, timeout=30, check=False,
    )  # fmt: skip

    assert ran.stdout.decode() == "žluť\n", ran.stderr
