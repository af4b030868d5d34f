"""runner.hosts.foreseen: what may be sent ahead, by name."""

from __future__ import annotations

import pytest

from runner.calls import KSR_EDITS
from runner.hosts import foreseen
from runner.reviewed import ALLOWED


@pytest.mark.parametrize(
    "name", ["$var", "$var()", "$var(a b)", "$(var(a))", "$hdr(X", "ru", "$", "", "$rb", "$sht(a=>b)", "$ru "]
)
def test_names_that_are_not_plain_are_not_guessed(name: str) -> None:
    assert foreseen.depends_on("PV.GetS", name) is None


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("$ci", foreseen.FIXED),
        ("$(fU)", foreseen.FIXED),
        ("$hdr(X-A)", foreseen.FIXED),
        ("$(hdr(Via)[-1])", foreseen.FIXED),
        ("$(hdr(Via))", foreseen.FIXED),
        ("$ru", foreseen.R_URI),
        ("$(rU)", foreseen.R_URI),
        ("$du", foreseen.R_URI),
        ("$var(a_1)", "$var(a_1)"),
        ("$avp(b)", "$avp(b)"),
    ],
)
def test_a_plain_name_depends_on_the_received_message_the_r_uri_or_itself(name: str, group: str) -> None:
    assert foreseen.depends_on("PV.GetS", name) == group


@pytest.mark.parametrize("name", ["$Ts", "$TV(s)", "$mb", "$rb", "$mi", "$pp", "$shv(x)", "$sht(a=>b)", "$(ru{s.len})"])
def test_what_changes_by_itself_is_large_or_is_computed_is_not_sent_ahead(name: str) -> None:
    assert foreseen.depends_on("PV.GetS", name) is None


@pytest.mark.parametrize(
    ("function", "argument", "group"),
    [
        ("pv.get", "$ru", foreseen.R_URI),
        ("pv.get", "$rb", None),
        ("pv.is_null", "$hdr(X-A)", foreseen.FIXED),
        ("kx.get_ruser", "", foreseen.R_URI),
        ("kx.get_callid", "", foreseen.FIXED),
        ("tm.t_relay", "", None),
        ("pv.sets", "$ru", None),
    ],
)
def test_a_function_of_kemi_reads_what_it_reads(function: str, argument: str, group: str | None) -> None:
    assert foreseen.depends_on(function, argument) == group


@pytest.mark.parametrize(
    ("call", "target", "changed"),
    [
        ("HDR.Append", "", (foreseen.FIXED, "any")),
        ("HDR.Insert", "", (foreseen.FIXED, "any")),
        ("HDR.AppendToReply", "", (foreseen.FIXED, "any")),
        ("HDR.Remove", "", (foreseen.FIXED, "word")),
        ("PV.SetS", "$rU", (foreseen.R_URI, "word")),
        ("PV.SetS", "$var(a)", ("$var(a)", "any")),
        ("PV.SetI", "$avp(b)", ("$avp(b)", "any")),
        ("PV.SetI", "$rU", None),
        ("PV.SetS", "$ru", None),
        ("PV.SetS", "$var($rU)", None),
        ("PV.Unset", "$var(a)", None),
        ("Core.ModF", "drop", None),
    ],
)
def test_an_edit_that_cannot_fail_changes_one_group(call: str, target: str, changed: tuple[str, str] | None) -> None:
    assert foreseen.changes(call, target) == changed


def test_only_variables_of_the_script_and_headers_of_a_reply_are_certain_on_any_message() -> None:
    certain = [("HDR.AppendToReply", ""), ("PV.SetS", "$var(a)"), ("PV.SetI", "$avp(b)")]
    others = [("HDR.Append", ""), ("HDR.Remove", ""), ("PV.SetS", "$rU")]

    assert [foreseen.is_always_certain(*edit) for edit in certain + others] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("call", "name", "group"),
    [
        ("pv.get", "$var(a)", "$var(a)"),
        ("pv.geti", "$rU", foreseen.R_URI),
        ("pv.is_null", "$shv(a)", None),
        ("hdr.get", "X-A", foreseen.FIXED),
        ("kx.gete_duri", "", foreseen.R_URI),
        ("kx.getw_ua", "", foreseen.FIXED),
        ("is_INVITE", "", foreseen.FIXED),
        ("is_method_in", "IA", foreseen.FIXED),
        ("is_myself_ruri", "", foreseen.R_URI),
        ("siputils.is_numeric", "12", foreseen.FIXED),
        ("kx.get_body", "", None),
        ("kx.get_timestamp", "", None),
        ("tm.t_relay", "", None),
        ("dialog.is_known_dlg", "", None),
    ],
)
def test_a_function_that_only_reads_has_the_group_of_what_it_reads(call: str, name: str, group: str | None) -> None:
    assert foreseen.depends_on(call, name) == group


def test_what_only_reads_may_be_called_and_is_none_of_the_edits() -> None:
    assert foreseen.KSR_READS.keys() <= ALLOWED
    assert not foreseen.KSR_READS.keys() & KSR_EDITS.keys()
    assert {"kx.get_body", "kx.get_timestamp", "is_UDP", "hdr.get_idx"} <= foreseen.KSR_READS.keys()


@pytest.mark.parametrize(
    "name",
    [
        "pvx.shvinc_get", "htable.sht_get", "dialog.is_known_dlg", "dispatcher.ds_is_from_list", "domain.is_from_local",
        "registrar.registered", "auth_db.is_subscriber", "kx.get_conid", "uuid.get", "rr.is_direction",
    ],
)  # fmt: skip
def test_what_writes_asks_others_or_counts_is_no_read_whatever_its_name_says(name: str) -> None:
    assert name in ALLOWED
    assert name not in foreseen.KSR_READS
