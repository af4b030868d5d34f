# ruff: noqa: ANN001, ANN002 - KSR has no types
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""Calls ModF for test_modf_exports.py and sends the test what came, by UDP; only Kamailio runs this script."""

import json
import os
import socket
import sys
from pathlib import Path

import KSR

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from runner.hosts.kamailio import functions
from runner.hosts.kamailio.exports import Exports
from runner.hosts.kamailio.host import KamailioHost


class Caller:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._test = ("127.0.0.1", int(os.environ["REPORT_TO"]))

    def child_init(self, _rank):
        return 0

    def exports(self, _msg, file):
        """Write down every exported name of every loaded module."""
        rows = {(row.module, row.name) for row in Exports().exports()}
        Path(file).write_text(json.dumps(sorted(rows)), encoding="ascii")
        return self._tell("exports", len(rows))

    def modf(self, msg, name):
        return self._tell(name, KamailioHost(msg, KSR).modf(name))

    def unguarded(self, msg, name):
        """As ModF was before it read the tables."""
        try:
            value = msg.call_function(name)
        except RuntimeError:
            value = -127
        return self._tell(name, value)

    def over(self, *_):
        """What the routing script does last, after all that may go wrong once a function has run."""
        return self._tell("over", 0)

    def _tell(self, name, value) -> int:
        self._socket.sendto(json.dumps([name, value]).encode("ascii"), self._test)
        return 1


def mod_init():
    table = os.environ.get("TABLES_TO")
    if table:
        # Every module is loaded by now, and none is initialised.
        rows = {(row.module, row.name) for row in Exports().exports()}
        runs = sorted(row for row in rows if functions.why_not(row[1]) is None)
        Path(table).write_text(json.dumps(runs), encoding="ascii")
        os._exit(0)
    return Caller()
