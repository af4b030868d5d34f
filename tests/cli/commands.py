"""``app-mono`` as a command, a script and a message for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import installed
from tests import warm
from tests.places import ROOT
from tests.running_daemon import COMMAND, ENVIRONMENT

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SAMPLE = ROOT / "examples" / "MySRTest.cs"
OTHER = {"5.6": "6.0", "6.0": "5.6"}[installed.version()]
PHONE = (
    "INVITE sips:123@example.com;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP h.example;branch=z9hG4bK1\r\n"
    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
)
READS = (
    'foreach (string name in new[] { "$ru", "$si", "$sp", "$Ri", "$Rp", "$rc", "$fU", "$(hdr(Via)[0])", "$conid" }) '
    'SR.Core.Log(1, name + "=" + SR.PV.GetS(name) + " " + SR.PV.GetI(name)); '
)
PLAIN = ENVIRONMENT | {"COLUMNS": "120", "TERM": "dumb"}


def app_mono(*words: str | Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the real command; no traceback is ever seen. Each byte of what it prints is one character."""
    command = [*COMMAND, *map(str, words)]
    done = warm.run(command, env=PLAIN | variables, stdin=stdin, encoding="latin-1", timeout=60)
    assert "Traceback" not in done.stderr + done.stdout
    return done


def script(directory: Path, body: str, name: str = "X") -> Path:
    """A source whose Main has this body, on its third line."""
    path = directory / f"{name}.cs"
    path.write_text(f"class {name} {{\n  static int Main(string[] args) {{\n    {body}\n  }}\n}}\n", encoding="utf-8")
    return path


def message(directory: Path, text: str = PHONE) -> Path:
    path = directory / "message.sip"
    path.write_bytes(text.encode())
    return path
