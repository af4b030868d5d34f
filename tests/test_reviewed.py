"""runner.reviewed: which functions of Kamailio scripts may call, and what docs/security.md says about it."""

from __future__ import annotations

import pytest

from runner.ksr.functions import VERSIONS, read
from runner.reviewed import ALLOWED, REFUSED, fault_of, refusal
from tests.places import ROOT


def rows() -> list[str]:
    """The table of docs/security.md."""
    whole = {_module(name) for name in REFUSED} - {_module(name) for name in ALLOWED}
    by_reason: dict[str, dict[str, None]] = {}
    for name, reason in REFUSED.items():
        shown = f"`{_module(name)}.*`" if _module(name) in whole else f"`{name}`"
        by_reason.setdefault(reason, {})[shown] = None
    return [f"| {', '.join(names)} | {reason} |" for reason, names in by_reason.items()]


def _module(name: str) -> str:
    return name.rpartition(".")[0]


def test_the_page_about_security_lists_what_is_refused() -> None:
    """Its rows are those that ``rows`` gives here."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    _, _, section = page.partition("| function | why it is refused |\n| --- | --- |\n")

    assert section.partition("\n\n")[0].splitlines() == rows()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_function_of_the_lists_was_looked_at(version: str) -> None:
    names = {function.full_name for function in read(version)}

    assert names - ALLOWED - REFUSED.keys() == set()


def test_no_function_is_both_allowed_and_refused() -> None:
    assert not ALLOWED & REFUSED.keys()
    assert {"info", "pv.get", "hdr.append", "tm.t_relay", "async.route", "xlog.xinfo"} <= ALLOWED


@pytest.mark.parametrize(
    "name",
    [
        "app_lua.dofile", "cfgutils.abort", "cfgutils.lock", "corex.file_read", "corex.file_write", "exec.exec_cmd",
        "jsonrpcs.exec", "x.modf", "xhttp_rpc.dispatch", "htable.sht_lock",
    ],
)  # fmt: skip
def test_what_leaves_the_message_is_refused(name: str) -> None:
    sentence = refusal(name)

    assert sentence is not None
    assert sentence.startswith(f"KSR.{name} is refused: ")


@pytest.mark.parametrize("entry", ["exec.exec_cmd", "exec.*"])
def test_the_setting_allows_a_function_or_a_whole_module(entry: str) -> None:
    assert "the setting ksr_allow can allow it" in str(refusal("exec.exec_cmd"))

    assert refusal("exec.exec_cmd", frozenset({entry})) is None
    assert refusal("corex.file_read", frozenset({entry})) is not None


def test_one_function_is_never_allowed() -> None:
    sentence = refusal("x.modf", frozenset({"x.modf", "x.*"}))

    assert sentence == "KSR.x.modf is refused: KSR.x.modf ends the server; SR.Core.ModF does what it should do"


def test_a_function_that_nobody_looked_at_is_refused_whatever_the_setting_says() -> None:
    sentence = refusal("tm.t_new", frozenset({"tm.t_new", "tm.*"}))

    assert sentence == "KSR.tm.t_new is refused: it is not known here what it may do to the server"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("exec.*", None),
        ("corex.file_read", None),
        ("corex.*", None),
        ("exec.exce_cmd", "'exec.exce_cmd' is no function that is refused; did you mean 'exec.exec_cmd'?"),
        ("exce.*", "'exce.*' is no function that is refused; did you mean 'exec.*'?"),
        ("tm.t_relay", "'tm.t_relay' is allowed already"),
        ("", "'' is no function that is refused"),
        (
            "x.modf",
            "'x.modf' cannot be allowed: KSR.x.modf ends the server; SR.Core.ModF does what it should do",
        ),
    ],
)
def test_a_wrong_entry_of_the_setting_gives_a_sentence(entry: str, fault: str | None) -> None:
    assert fault_of(entry) == fault
