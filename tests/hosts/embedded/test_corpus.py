"""What fuzzing found worth keeping: inputs that took a way of their own through a parser (``make fuzz``)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from runner import sip
from runner.errors import ConfigError
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv.listing import find, form
from tests.places import INVITE

PARSED = sip.parse(INVITE)
NAMES = [form(variable).replace("(name)", "(Via)").replace("[i]", "[-1]") for variable in find()]


def corpus(kind: str) -> list[bytes]:
    lines = Path(__file__).with_name("corpus.jsonl").read_text(encoding="ascii").splitlines()
    found = [base64.b64decode(data) for name, data in map(json.loads, lines) if name == kind]
    assert len(found) > 100
    return found


def test_each_message_is_one_or_has_the_place_of_its_fault() -> None:
    refused = 0
    for data in corpus("message"):
        try:
            parsed = sip.parse(data)
        except sip.SipParseError as error:
            refused += 1
            assert str(error).startswith(f"line {error.line}, column {error.column}: ")  # noqa: PT017 - may be raised
            continue
        host = MessageHost(parsed)
        assert host.message_bytes() == data
        assert all(isinstance(host.get_s(name), str | None) for name in NAMES)
        assert isinstance(host.forwarded(), bytes | None)
        assert isinstance(host.reply(404, "Not Found"), bytes | None)

    assert refused


def test_each_expression_has_a_value_or_the_error_value() -> None:
    for data in corpus("expression"):
        host = MessageHost(PARSED)
        name = data.decode("utf-8", "surrogateescape")
        assert isinstance(host.get_s(name), str | None)
        assert isinstance(host.get_i(name), int)
        assert host.is_null(name) in {0, 1, -1}
        assert host.set_s(name, "a") in {0, -1}
        assert host.unset(name) in {0, -1}
        try:
            assert isinstance(host.expand(name), str)
        except ConfigError as error:
            assert "format string" in str(error)  # noqa: PT017 - may be raised
