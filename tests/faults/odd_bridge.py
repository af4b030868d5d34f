"""
A program that takes the place of mono, speaks the wire, and then does one thing that no bridge does.

``odd_bridge.py KIND``; the wire is descriptors 0 and 1. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

READY = {"method": "ready", "params": {"protocol": 3, "runtime": "6.8.0.105", "pid": os.getpid()}}
QUESTION = {"id": 1, "method": "PV.GetS", "params": ["$ru"]}
LOG = b'{"jsonrpc":"2.0","method":"Core.Log","params":[3,"flood"]}\n'
CHUNK = 64 * 1024
FLOOD_BYTES = 128 * 1024 * 1024


class Wire:
    """Lines in, lines out."""

    def __init__(self) -> None:
        self._lines = os.fdopen(0, "rb", closefd=False)

    def say(self, *messages: dict[str, Any]) -> None:
        """Send one line for each message, in one write."""
        self.write(b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages))

    def write(self, data: bytes) -> None:
        """Send these bytes."""
        while data:
            data = data[os.write(1, data) :]

    def hear(self) -> dict[str, Any]:
        """The next request; exits when the wire ends."""
        line = self._lines.readline()
        if not line:
            sys.exit(0)
        request: dict[str, Any] = json.loads(line)
        return request

    def serve(self, until: str = "") -> dict[str, Any]:
        """Answer every load until a request of this method comes; returns it unanswered."""
        while (request := self.hear())["method"] != until:
            is_load = request["method"] == "load"
            self.say({"id": request["id"], "result": {"needs": []} if is_load else {"code": 7}})
        return request


def main(kind: str) -> None:
    """Do what ``kind`` says."""
    wire = Wire()
    match kind:
        case "says ready twice at once":
            wire.say(READY, READY)
        case "answers before it is asked":
            wire.say(READY, {"id": 1, "result": {"code": 0}})
        case "floods the wire while nobody reads":
            wire.say(READY)
            while True:
                wire.write(b"[" * CHUNK)
        case "asks while it loads":
            wire.say(READY)
            wire.serve("load")
            wire.say(QUESTION)
        case _:
            wire.say(READY)
            run(wire, kind, wire.serve("exec")["id"])
    wire.serve()


def run(wire: Wire, kind: str, request_id: int) -> None:
    """Answer an exec."""
    result = {"id": request_id, "result": {"code": 7}}
    match kind:
        case "says ready again when it is asked to run":
            wire.say(READY, result)
        case "answers twice":
            wire.say(result, result)
        case "answers another request":
            wire.say({**result, "id": request_id + 1})
        case "asks twice without waiting":
            wire.say(QUESTION, {**QUESTION, "id": 2})
        case "sends a line without end":
            while True:
                wire.write(b"x" * CHUNK)
        case "floods the wire with empty lines":
            while True:
                wire.write(b"\n" * CHUNK)
        case "floods the wire with texts for the log":
            while True:
                wire.write(LOG * (CHUNK // len(LOG)))
        case "floods standard error":
            for _ in range(FLOOD_BYTES // CHUNK):
                os.write(2, b"\n" * CHUNK)
            wire.say(result)
        case "closes the wire and lives on":
            os.close(0)
            os.close(1)
            while True:
                time.sleep(1)
        case "ends with half a line":
            wire.write(b'{"jsonrpc":"2.0","id":')
            sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
