"""``app-mono pv``: the list of variables and their values on a message."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.places import MESSAGE
from tests.running_daemon import COMMAND, ENVIRONMENT, app_mono

if TYPE_CHECKING:
    from pathlib import Path


def get(expression: str, message: str = str(MESSAGE)) -> tuple[int, str, str]:
    told = app_mono("pv", "get", expression, "--message", message)
    return told.returncode, told.stdout, told.stderr


def test_the_list_tells_name_meaning_writable_and_source() -> None:
    told = app_mono("pv", "list", "--json", "Call-ID")

    (row,) = [row for row in json.loads(told.stdout) if row["name"] == "$ci"]
    assert row["writable"] == "no"
    assert "pv_core.c" in row["source"]
    assert row["meaning"]


def test_transformations_are_listed_too() -> None:
    rows = json.loads(app_mono("pv", "list", "--json", "{s.substr").stdout)

    assert [row["name"].partition(",")[0] for row in rows] == ["{s.substr"]


def test_the_list_for_people_has_a_line_for_each() -> None:
    told = app_mono("pv", "list")

    assert told.returncode == 0
    assert "$ru" in told.stdout
    assert "{uri.host}" in told.stdout


def test_a_filter_without_a_match_says_so() -> None:
    told = app_mono("pv", "list", "no such thing")

    assert (told.returncode, told.stdout) == (1, "")
    assert "no such thing" in told.stderr


@pytest.mark.parametrize(
    ("expression", "status", "out"),
    [("$rm", 0, "INVITE\n"), ("$(rm{s.len})", 0, "6\n"), ("$hdr(X-None)", 1, ""), ("$(rm{s.substr,9,1})", 2, "")],
)
def test_a_value_null_and_a_failure_are_told_apart(expression: str, status: int, out: str) -> None:
    assert get(expression)[:2] == (status, out)


def test_an_empty_value_is_no_null(tmp_path: Path) -> None:
    message = tmp_path / "empty.sip"
    message.write_bytes(MESSAGE.read_bytes().replace(b"\r\n\r\n", b"\r\nX-Empty: \r\n\r\n", 1))

    assert get("$hdr(X-Empty)", str(message)) == (0, "\n", "")
    assert get("$hdr(X-None)", str(message))[0] == 1


def test_bytes_come_out_as_they_are(tmp_path: Path) -> None:
    message = tmp_path / "bytes.sip"
    message.write_bytes(MESSAGE.read_bytes().replace(b"\r\n\r\n", b"\r\nX-Bytes: \xe9\xff\r\n\r\n", 1))

    told = subprocess.run(
        [*COMMAND, "pv", "get", "$hdr(X-Bytes)", "-m", str(message)], env=ENVIRONMENT, capture_output=True, check=True
    )

    assert told.stdout == b"\xe9\xff\n"


@pytest.mark.parametrize("expression", ["", "$", "ru", "$nosuch", "$(ru", "$(ru{s.nosuch})", "$hdr("])
def test_what_is_no_expression_is_one_clear_line(expression: str) -> None:
    status, out, err = get(expression)

    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err


@pytest.mark.parametrize(("expression", "shown"), [("ru", "ru"), ("", "''")])
def test_what_does_not_begin_with_a_dollar_is_told_so_once(expression: str, shown: str) -> None:
    told = get(expression)[2]

    assert told == f"error: {shown}: an expression starts with $ and a name, in a shell in single quotes: '$ru'\n"


def test_a_message_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    message = tmp_path / "not.sip"
    message.write_bytes(b"this is no message\r\n\r\n")

    missing, wrong = get("$ru", str(tmp_path / "missing.sip")), get("$ru", str(message))

    assert (missing[0], wrong[0]) == (2, 2)
    assert "missing.sip: expected a readable SIP message" in missing[2]
    assert "line 1" in wrong[2]


def test_a_message_that_kamailio_drops_has_no_values_unless_anyway(tmp_path: Path) -> None:
    message = tmp_path / "no-cseq.sip"
    message.write_bytes(re.sub(rb"\nCSeq: [^\n]*", b"", MESSAGE.read_bytes()))

    status, _, told = get("$ru", str(message))
    anyway = app_mono("pv", "get", "$ru", "--message", str(message), "--anyway")

    assert (status, "Kamailio would have dropped this message: it has no CSeq" in told) == (2, True)
    assert (anyway.returncode, anyway.stdout) == (0, "sip:bob@example.com\n")


def test_the_setting_kamailio_says_whose_value_it_is(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    for version, scheme in (("5.6", "tel"), ("6.0", "tels")):
        settings.write_text(f'kamailio = "{version}"\n', encoding="utf-8")
        uri = "sips:1@example.com;user=phone"
        message = tmp_path / "message.sip"
        message.write_bytes(MESSAGE.read_bytes().replace(b"sip:bob@example.com SIP", f"{uri} SIP".encode()))

        told = app_mono("pv", "get", "$rz", "--message", str(message), "--config", str(settings))

        assert (told.returncode, told.stdout) == (0, f"{scheme}\n")


def test_the_list_says_since_when_a_variable_is_there() -> None:
    told = app_mono("pv", "list", "--json", "ctu")

    assert [row["meaning"].rpartition(", ")[2] for row in json.loads(told.stdout)] == ["since 6.0"]


@pytest.mark.parametrize(("name", "answer"), [("LC_TIME", (0, "C\n")), ("SECRET", (1, ""))])
def test_of_the_environment_a_script_knows_what_a_worker_gets(name: str, answer: tuple[int, str]) -> None:
    told = subprocess.run(
        [*COMMAND, "pv", "get", f"$env({name})", "-m", str(MESSAGE)],
        env=ENVIRONMENT | {"LC_TIME": "C", "SECRET": "s"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, told.stdout) == answer
