"""
Asks the embedded host what a real Kamailio was asked, and prints the answers that differ.

``python -m tools.oracle FILE.jsonl [--show N] [--group NAME]``; reads nothing but that file.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import sip
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAIN = Socket(Address("127.0.0.1", 5100), "main")
ALT = Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070))
ENVIRONMENT = Environment(
    sockets=(MAIN, ALT),
    server_id=7,
    defines={"ORACLE_DEF": "some text", "ORACLE_NUM": "42", "ORACLE_EMPTY": ""},
    variables={"ORACLE_ENV": "env value", "ORACLE_EMPTY": ""},
    hash_tables=frozenset({"ora"}),
)
"""What the recorded Kamailio was configured with."""

_METHODS = {
    "GetS": "get_s",
    "GetI": "get_i",
    "SetS": "set_s",
    "SetI": "set_i",
    "Unset": "unset",
    "IsNull": "is_null",
    "HDR.Append": "hdr_append",
    "HDR.Remove": "hdr_remove",
    "HDR.Insert": "hdr_insert",
    "HDR.AppendToReply": "hdr_append_to_reply",
    "Core.ModF": "modf",
}
_NULL_ARGUMENT = {"GetS": None, "GetI": 0, "Core.ModF": -127}
_DATE = re.compile(rb"Date: \w{3}, \d\d \w{3} 202\d \d\d:\d\d:\d\d GMT")
_LAST_SURROGATE = 0x10FFFF


class Mismatch:
    """One fact in which the host differs from the recording."""

    def __init__(self, case: dict[str, Any], what: str, expected: object, got: object) -> None:
        self.case_id = case["id"]
        self.group = case["group"]
        self.message = case["message_name"]
        self.what = what
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.case_id} ({self.message}) {self.what}\n    expected {self.expected!r}\n    got      {self.got!r}"


def as_mono_reads(data: bytes) -> str | None:
    """
    Bytes as Mono 6.8 makes a C# string of them; None where it gives up.

    Its decoder checks neither continuation bytes nor overlong forms (eglib, g_utf8_to_utf16).
    """
    out = []
    at = 0
    while at < len(data):
        lead = data[at]
        if lead < 0x80:
            out.append(chr(lead))
            at += 1
            continue
        if 0xC2 <= lead <= 0xDF:
            more, code = 1, lead & 0x1F
        elif 0xE0 <= lead <= 0xEF:
            more, code = 2, lead & 0x0F
        elif 0xF0 <= lead <= 0xF4:
            more, code = 3, lead & 0x07
        else:
            return None
        if at + more >= len(data):
            return None
        for byte in data[at + 1 : at + 1 + more]:
            code = (code << 6) | (byte ^ 0x80)
        if code > _LAST_SURROGATE or 0xD800 <= code <= 0xDFFF:
            return None
        out.append(chr(code))
        at += more + 1
    return "".join(out)


def run_case(case: dict[str, Any]) -> Iterator[Mismatch | None]:
    """Every fact of a case: None when it agrees."""
    data = _bytes(case, "message") or b""
    source = Address(case["source"]["ip"], case["source"]["port"], case["source"]["proto"])
    socket = ALT if case["received_on"]["port"] == ALT.address.port else MAIN
    try:
        host = MessageHost(sip.parse(data), source=source, received_on=socket, environment=ENVIRONMENT)
    except sip.SipParseError as error:
        for step in case["steps"]:
            yield Mismatch(case, step["op"], step["ret"], str(error))
        return
    host.to_tag = "<TOTAG>"
    for step in case["steps"]:
        got = _step(host, step)
        what = f"{step['op']} {step['args']}"
        yield None if got == step["ret"] else Mismatch(case, what, step["ret"], got)
    yield from _outgoing(case, host)


def _step(host: MessageHost, step: dict[str, Any]) -> object:
    operation = step["op"]
    if operation == "Core.APIVersion":
        return "1.0"
    if None in step["args"]:
        return _NULL_ARGUMENT.get(operation, -1)
    try:
        got = getattr(host, _METHODS[operation])(*step["args"])
    except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
        return f"raised {type(error).__name__}: {error}"
    if operation == "GetS" and got is not None:
        return as_mono_reads(to_bytes(got))
    return got


def _outgoing(case: dict[str, Any], host: MessageHost) -> Iterator[Mismatch | None]:
    mode = case["mode"]
    if case["reached"] and mode in {"forward", "both"}:
        expected = _bytes(case, "forwarded")
        got = _safely(lambda: host.forwarded("<BRANCH>"))
        if expected is not None or got is not None:
            yield None if _dated(got) == expected else Mismatch(case, "forwarded", expected, got)
    if case["reached"] and mode in {"reply", "both"}:
        expected = _bytes(case, "reply")
        got = host.replies[0] if host.replies else _safely(lambda: host.reply(200, "OK", "<TOTAG>"))
        if expected is not None or got is not None:
            yield None if _dated(got) == expected else Mismatch(case, "reply", expected, got)


def _safely(build: Callable[[], bytes | None]) -> bytes | None:
    try:
        return build()
    except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
        return f"raised {type(error).__name__}: {error}".encode()


def _dated(data: bytes | None) -> bytes | None:
    return None if data is None else _DATE.sub(b"Date: <DATE>", data)


def _bytes(case: dict[str, Any], key: str) -> bytes | None:
    if case.get(key) is not None:
        return str(case[key]).encode()
    encoded = case.get(f"{key}_base64")
    return None if encoded is None else base64.b64decode(encoded)


def main(arguments: list[str]) -> int:
    """Run a file; 0 when every fact agrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--show", type=int, default=5, help="mismatches shown of each group; default 5")
    parser.add_argument("--group", help="only cases of this group")
    options = parser.parse_args(arguments)
    facts, agreed = Counter[str](), Counter[str]()
    mismatches: dict[str, list[Mismatch]] = {}
    with options.file.open(encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            if options.group and case["group"] != options.group:
                continue
            for mismatch in run_case(case):
                facts[case["group"]] += 1
                if mismatch is None:
                    agreed[case["group"]] += 1
                else:
                    mismatches.setdefault(case["group"], []).append(mismatch)
    for group, found in sorted(mismatches.items(), key=lambda item: len(item[1])):
        print(f"{group}: {agreed[group]} of {facts[group]} facts")  # noqa: T201 - what it is for
        for mismatch in found[: options.show]:
            print(f"  {mismatch}")  # noqa: T201 - what it is for
    print(f"oracle: {agreed.total()} of {facts.total()} facts")  # noqa: T201 - what it is for
    return int(agreed.total() != facts.total())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
