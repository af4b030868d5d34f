"""What textops and siputils tell of texts; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.ksr_calls import Message

MESSAGE = Message(b"Privacy: id; user\r\n", is_6=True)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("textops.cmp_str a a", 1),
        ("textops.cmp_str b a", -1),
        ("textops.cmp_str a ab", -2),
        ("textops.cmp_str a A", -1),
        ("textops.cmp_istr a A", 1),
        ("textops.cmp_istr B a", -1),
        ("textops.starts_with abc ab", 1),
        ("textops.starts_with ab abc", -1),
        ("textops.starts_with aa ab", -2),
        ("textops.ends_with abc bc", 1),
        ("textops.ends_with c abc", -1),
        ("textops.ends_with ab aa", -1),
        ("textops.str_find abc c", 3),
        ("textops.str_find abc x", -1),
        ("textops.str_find abc ", 4),
        ("textops.str_find abc C", -1),
        ("textops.str_ifind abc C", 3),
        ("textops.str_ifind abc ", 1),
        ("textops.str_any_in abc xc", 1),
        ("textops.str_any_in abc ", -1),
        ("textops.in_list b a,b,c ,", 1),
        ("textops.in_list b a,bc ,", -1),
        ("textops.in_list b \tb\r\n ,", 1),
        ("textops.in_list  a, ,", -1),
        ("textops.in_list b b ", -1),
        ("textops.in_list_prefix abc x,ab ,", 1),
        ("textops.in_list_prefix abc abcd,, ,", -1),
        ("textops.is_privacy ID", 1),
        ("textops.is_privacy header", -1),
        ("textops.is_privacy id;user", -1),
        ("siputils.is_numeric 12", 1),
        ("siputils.is_numeric +1", -2),
        ("siputils.is_numeric ", -2),
        ("siputils.is_tel_number +12", 1),
        ("siputils.is_tel_number +01", -2),
        ("siputils.is_tel_number 01", 1),
        ("siputils.is_tel_number +", -2),
        ("siputils.is_alphanum a1", 1),
        ("siputils.is_alphanum a-", -3),
        ("siputils.is_alphanum ", -2),
        ("siputils.is_alphanumex a-1 -", 1),
        ("siputils.is_alphanumex a+ -", -3),
        ("siputils.is_alphanumex  -", -2),
        ("siputils.is_uri sip:a@b", 1),
        ("siputils.is_uri a@b", -1),
        ("siputils.is_uri ", -1),
        ("siputils.cmp_uri sip:a@B sip:a@b", 1),
        ("siputils.cmp_uri sip:A@b sip:a@b", -1),
        ("siputils.cmp_uri sip:a@b x", -2),
        ("siputils.cmp_uri sip:a@b;x=1 sip:a@b;y=2", 1),
        ("siputils.cmp_uri sip:a@b;x=1 sip:a@b;X=2", -1),
        ("siputils.cmp_uri sip:a@b sip:a@b;ttl=2", -1),
        ("siputils.cmp_uri sip:a@b sip:a@b;x=2", 1),
        ("siputils.cmp_uri sip:a@b sips:a@b", -1),
        ("siputils.cmp_aor sip:a@b:5060 sip:a@B;x", 1),
        ("siputils.cmp_aor sip:a@b:5061 sip:a@b", -1),
        ("siputils.cmp_aor sip:a@b ", -2),
        ("siputils.cmp_hdr_name f From", 1),
        ("siputils.cmp_hdr_name f X-A", -1),
        ("siputils.cmp_hdr_name x-a X-A", 1),
        ("siputils.cmp_hdr_name X-A X-B", -2),
        ("siputils.cmp_hdr_name From: f", 1),
        ("siputils.cmp_hdr_name  f", -2),
    ],
)
def test_a_text_is_told_by_a_number(call: str, answer: int) -> None:
    function, *arguments = call.split(" ")

    assert MESSAGE.call(function, *arguments) == answer


@pytest.mark.parametrize("value", [b"id, user", b"id;", b"none;id", b"x", b"", b"idx"])
def test_a_privacy_of_which_a_part_is_not_known_is_none(value: bytes) -> None:
    message = Message(b"Privacy: %b\r\n" % value)

    assert [message.call("textops.is_privacy", name) for name in ("id", "none", "user")] == [-1, -1, -1]
