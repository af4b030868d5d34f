"""
What sources in Java are compiled to: once by content, by a process that never runs a script, for all workers.

Must not know workers, nor which build is current.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import mcs
from runner.compilers.kept import Kept
from runner.compilers.worker import CompileWorker
from runner.errors import BuildError, ScriptInvalid

from . import java
from .runtime import Made

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("runner.build")

KEPT = Kept(lambda: mcs.cache_directory() / "classes", 32 * 1024 * 1024)
MAIN = "srbridge.CompileWorker"
OPTIONS = (*java.OPTIONS, "-XX:+DisplayVMOutputToStderr")  # standard output is for answers


def compile_source(command: tuple[str, ...], copies: Path, load: Mapping[str, Any], *, stays_warm: bool) -> Made:
    """
    Compile a source, unless that was done before; see ``runtime.Compile``.

    The process is started for the first source that was not compiled before. With ``stays_warm`` also where one was,
    in the background, so that the next change of it does not wait for that.
    """
    key = key_of(command, load)
    known = KEPT.read(key)
    if known is None:
        return _compiled(command, copies, load, key)
    if stays_warm and process(command).pid is None:
        threading.Thread(target=_warm, args=(command, copies, load, key), name="compiler warms", daemon=True).start()
    return _read(known)


@cache
def process(command: tuple[str, ...]) -> CompileWorker:
    """The process that compiles for workers of this command."""
    return CompileWorker(lambda: [*command, *OPTIONS, "-cp", str(java.ensure().bridge), MAIN])


def key_of(command: tuple[str, ...], load: Mapping[str, Any]) -> str:
    """A hash of all that decides what a source is compiled to. Of places it is only the names: symbols have these."""
    helpers = {
        name: helper and [Path(helper["path"]).name, helper["file"]] for name, helper in sorted(load["helpers"].items())
    }
    made_of = [_made_by(command), Path(load["path"]).name, load["file"], helpers]
    return hashlib.sha256(json.dumps(made_of).encode("ascii")).hexdigest()


def _compiled(command: tuple[str, ...], copies: Path, load: Mapping[str, Any], key: str) -> Made:
    try:
        with tempfile.TemporaryDirectory(prefix="app-mono-") as aside:
            directory = Path(aside)
            # In a file: the pipe of a process that hangs takes 64 KiB.
            (directory / "load").write_text(json.dumps(load), encoding="ascii")
            is_made, lines = process(command).compile("java", [str(directory), str(copies)])
            if not is_made:
                raise ScriptInvalid("\n".join(lines))
            content = json.dumps(lines).encode("ascii") + b"\n"
            if not lines:
                content += (directory / "classes.jar").read_bytes()
    except OSError as error:
        raise BuildError(f"{tempfile.gettempdir()}: expected room to compile there: {error.strerror}") from error
    KEPT.write(key, content)
    return _read(content)


def _read(content: bytes) -> Made:
    needs, _, classes = content.partition(b"\n")
    return Made(classes, tuple(json.loads(needs)))


def _warm(command: tuple[str, ...], copies: Path, load: Mapping[str, Any], key: str) -> None:
    try:
        _compiled(command, copies, load, key)
    except (BuildError, ScriptInvalid) as error:
        log.info("the compiler of Java does not get warm: %s", error)


@cache
def _made_by(command: tuple[str, ...]) -> str:
    version = java.version(*command)  # first, so that a program that is not installed is named at once
    jars = java.ensure()
    return mcs.key_of([jars.sr, jars.bridge], version, OPTIONS)
