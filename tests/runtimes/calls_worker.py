"""
A worker as small as one may be, for a runtime of one's own: it can nothing that a worker may leave out.

A script in its language is a list of calls, one a line, as JSON: ``["PV.SetS", "$rU", "123"]``, ``["fail", "boom"]``,
``["return", 1]``. In a text ``{}`` is what the call before it gave, and ``{param}`` the parameter; a line with the
latter is left out where there is none.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

_max_line_bytes, _leftover, copies, _builds = sys.argv[1:]
lines = os.fdopen(3, encoding="ascii")
questions = itertools.count(1)
builds: dict[str, tuple[str, list[list[Any]]]] = {}  # by path: the generation, and its calls


class Failed(Exception):
    """An error for the runner: its code, and its message."""


def say(**message: Any) -> None:
    """One line. A pipe that blocks takes all of it at one time."""
    os.write(4, json.dumps({"jsonrpc": "2.0", **message}).encode("ascii") + b"\n")


def load(path: str, generation: str, file: str, **_: Any) -> dict[str, Any]:
    try:
        text = (Path(copies) / file).read_text("utf-8")
    except OSError as error:
        raise Failed(-32001, f"{path}: {error.strerror}") from error
    calls = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            calls.append(json.loads(line))
        except ValueError as error:
            raise Failed(-32001, f"{path}:{number}:1: {error}") from error
    builds[path] = (generation, calls)
    return {"needs": [], "entries": []}


def execute(generation: str, param: str | None = None, **_: Any) -> dict[str, Any]:
    found = [calls for loaded, calls in builds.values() if loaded == generation]
    if not found:
        raise Failed(-32001, f"not loaded: {generation}")
    answer: Any = None
    for call, *given in found[0]:
        if param is None and any("{param}" in str(each) for each in given):
            continue
        arguments = [_filled(each, answer, param) for each in given]
        match call:
            case "return":
                return {"code": int(arguments[0]), "used": 0, "edits": []}
            case "fail":
                raise Failed(-32000, f"Failure: {arguments[0]}")
            case "Core.Log":
                say(method=call, params=arguments)
            case _:
                say(id=next(questions), method=call, params=arguments)
                answer = json.loads(lines.readline()).get("result")
    return {"code": 0, "used": 0, "edits": []}


def _filled(argument: Any, answer: Any, param: str | None) -> Any:
    if not isinstance(argument, str):
        return argument
    return argument.replace("{}", "" if answer is None else str(answer)).replace("{param}", param or "")


say(method="ready", params={"protocol": 3, "runtime": "1", "pid": os.getpid(), "can": []})
for line in lines:
    request = json.loads(line)
    try:
        result = (load if request["method"] == "load" else execute)(**request["params"])
    except Failed as failure:
        code, message = failure.args
        data = {"type": "Failure", "message": message.removeprefix("Failure: "), "stack": message}
        say(id=request["id"], error={"code": code, "message": message, "data": data})
    else:
        say(id=request["id"], result=result)
