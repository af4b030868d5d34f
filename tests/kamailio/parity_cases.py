"""What test_ksr_parity.py calls, with which arguments, and what it does not call, with the reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runner.reviewed import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.ksr.functions import Function, Parameter

Value = str | int
SETS = 3

# Of the package kamailio, in 5.6 and in 6.0; they start without a server or a database of their own.
MODULES = (
    *("kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "textopsx", "siputils", "xlog", "sanity"),
    *("usrloc", "registrar", "kemix", "htable", "cfgutils", "nathelper", "path", "diversion", "uac", "sdpops"),
    *("dispatcher", "pike", "pipelimit", "ratelimit", "statistics", "counters", "mqueue", "ipops", "dialog", "auth"),
    *("avpops", "blst", "sst", "tmrec", "call_obj", "uac_redirect", "debugger", "benchmark", "xprint", "acc"),
)


class Case(NamedTuple):
    """
    One call, as plays_ksr.py reads it.

    Attributes:
        function: Its name without ``KSR.``.
        ret: As in the list.
        arguments: What it is given.
        before: Calls before it, function and arguments, so that it finds the same each time.
    """

    function: str
    ret: str
    arguments: tuple[Value, ...]
    before: tuple[tuple[Value, ...], ...] = ()


NOT_CALLED = {
    function: reason
    for reason, functions in {
        "it waits": "cfgutils.sleep cfgutils.usleep",
        "it gives another number each time": "cfgutils.rand_event call_obj.get",
        "from Python it ends Kamailio": "kx.get_conid textopsx.msg_set_buffer",
        "from C# it is refused for a message without parts": "textops.append_body_part textops.append_body_part_cd "
        "textops.append_body_part_hex textops.append_body_part_hex_cd textops.remove_body_part",
        "it goes on with a transaction that was suspended": "tmx.t_continue",
    }.items()
    for function in functions.split()
}

# What goes on with an iterator is refused in C# where the same script has not started one, and a case is one call.
OF_ITERATORS = re.compile(r".*_iterator_(?!start)")

# By how the name of a parameter ends: what its functions do something with. The first that fits counts.
VALUES: tuple[tuple[str, tuple[Value, ...]], ...] = (
    ("uri", ("sip:bob@127.0.0.1:5099", "sip:carol@example.com;lr", "tel:+4930123")),
    ("hname", ("Subject", "X-Number", "Contact")),
    ("txt", ("X-New: a\r\n", "a b", "X-Other: $rU\r\n")),
)
TEXTS: tuple[Value, ...] = ("bob", "$rU", "127.0.0.1")
NUMBERS: tuple[Value, ...] = (1, 0, 404)

# Functions whose arguments are not to be guessed.
BY_HAND: dict[str, tuple[tuple[Value, ...], ...]] = {
    "pv.get": (("$rU",), ("$si",), ("$sp",), ("$hdr(Subject)",), ("$var(none)",), ("$avp(none)",), ("$mb",), ("$rs",)),
    "pv.gete": (("$rU",), ("$avp(none)",), ("$hdr(None)",), ("$fd",)),
    "pv.getw": (("$rU",), ("$avp(none)",)),
    "pv.geti": (("$sp",), ("$rU",), ("$cs",)),
    "pv.getvs": (("$avp(none)", "else"), ("$rU", "else")),
    "pv.getvn": (("$avp(none)", 7), ("$sp", 7)),
    "pv.sets": (("$rU", "alice"), ("$var(a)", ""), ("$nothing", "a"), ("$avp(a)", "b")),
    "pv.seti": (("$var(a)", -1), ("$rp", 5070), ("$avp(a)", 1)),
    "pv.unset": (("$rU",), ("$avp(a)",), ("$du",)),
    "pv.is_null": (("$rU",), ("$avp(none)",), ("$nothing",)),
    "hdr.get": (("Subject",), ("None",), ("X-Number",)),
    "hdr.get_idx": (("X-Twice", 0), ("X-Twice", 1), ("X-Twice", -1), ("X-Twice", 5)),
    "hdr.append_after": (("X-New: a\r\n", "Subject"), ("X-New: a\r\n", "None")),
    "hdr.insert_before": (("X-New: a\r\n", "Subject"), ("X-New: a\r\n", "None")),
    "hdr.rmappend": (("Subject", "Subject: other\r\n"), ("None", "X-New: a\r\n")),
    "hdr.rminsert": (("Subject", "Subject: other\r\n"), ("None", "X-New: a\r\n")),
    "hdr.match_content": (("Subject", "eq", "words", "f"), ("Subject", "sw", "two", "f"), ("None", "eq", "a", "f")),
    "is_method": (("INVITE",), ("BYE",), ("INVITE|OPTIONS",)),
    "is_method_in": (("I",), ("IBO",), ("",)),
    "is_myself": (("sip:127.0.0.1",), ("sip:example.com",), ("nonsense",)),
    "is_proto": (("U",), ("udp",), ("TS",)),
    "log": (("info", "a\n"), ("err", "b\n"), ("none", "c\n")),
    "seturi": (("sip:new@example.com",), ("sip:a@b:5;c=d",), ("tel:1",)),
    "setuser": (("alice",), ("",), ("a b",)),
    "sethost": (("example.net",), ("127.0.0.1:5099",), ("",)),
    "setdsturi": (("sip:127.0.0.1:9",), ("nonsense",), ("sip:a@example.net;transport=tcp",)),
    "maxfwd.process_maxfwd": ((10,), (70,), (0,)),
    "maxfwd.is_maxfwd_lt": ((10,), (100,), (1,)),
    "sanity.sanity_check": ((17895, 7), (1, 1), (0, 0)),
    "textops.search": (("bob",), ("nobody at all",), ("b.b",)),
    "textops.search_append": (("Subject: ", "new "), ("none", "new")),
    "textops.replace": (("words", "texts"), ("none", "a")),
    "textops.replace_all": (("X-Twice", "X-Thrice"), ("none", "a")),
    "textops.subst": (("/two/three/",), ("/none/a/",), ("/nonsense",)),
    "textops.subst_user": (("/bob/carol/",), ("/none/a/",)),
    "textops.subst_uri": (("/bob/carol/",), ("/none/a/",)),
    "textops.has_body_type": (("application/sdp",), ("text/plain",)),
    "textops.set_body": (("new body", "text/plain"), ("a", "application/x")),
    "textops.remove_hf_re": (("X-.*",), ("None",)),
    "textops.in_list": (("bob", "alice,bob", ","), ("bo", "alice,bob", ",")),
    "textops.cmp_str": (("a", "a"), ("a", "b")),
    "textops.starts_with": (("sip:bob", "sip:"), ("bob", "sip")),
    "siputils.has_totag": ((),) * 3,
    "siputils.is_user": (("bob",), ("alice",)),
    "siputils.cmp_uri": (("sip:a@b", "sip:a@B"), ("sip:a@b", "sip:c@b")),
    "siputils.cmp_aor": (("sip:a@b;x=1", "sip:a@B"), ("sip:a@b", "sip:c@b")),
    "sdpops.remove_codecs_by_name": (("PCMU", "audio"), ("G729", "audio"), ("PCMU", "video")),
    "sdpops.keep_codecs_by_id": (("0", "audio"), ("8,18", "audio")),
    "dialog.get_profile_size": (("none", "a", "$var(a)"),),
    "dialog.get_profile_size_static": (("none", "$var(a)"),),
    "ipops.detailed_ip_type": (("127.0.0.1", "$var(a)"), ("::1", "$var(a)"), ("a", "$var(a)")),
    "ipops.detailed_ipv4_type": (("10.0.0.1", "$var(a)"), ("::1", "$var(a)")),
    "ipops.detailed_ipv6_type": (("::1", "$var(a)"), ("10.0.0.1", "$var(a)")),
    "nathelper.set_alias_to_pv": (("$avp(a)",),),
    "pvx.evalx": (("$var(a)", "<$rU>"), ("$avp(a)", "$si:$sp"), ("$var(a)", "")),
    "textops.get_body_part": (("application/sdp", "$var(a)"), ("text/plain", "$var(a)")),
    "textops.get_body_part_raw": (("application/sdp", "$var(a)"), ("text/plain", "$var(a)")),
    "auth.auth_get_www_authenticate": (("example.com", 0, "$var(a)"), ("example.com", 1, "$var(a)")),
    "textops.subst_v": (("/a/b/", "aaa", "$var(a)"), ("/none/b/", "aaa", "$var(a)")),
    "textops.regex_substring": (("a-bc-d", "([a-z])-(bc)", 2, 3, "$var(a)"), ("a", "b", 1, 1, "$var(a)")),
    "uac.uac_reg_lookup": (("none", "$var(a)"),),
    "uac.uac_reg_lookup_uri": (("sip:none@example.com", "$var(a)"),),
    "sdpops.sdp_with_media": (("audio",), ("video",)),
    "tmrec.match": (("20200101T000000|P10000D",), ("20200101T000000|PT1S",)),
    "ipops.is_ip": (("127.0.0.1",), ("::1",), ("a",)),
    "ipops.ips_cmp": (("127.0.0.1", "127.0.0.1"), ("::1", "[0::1]")),
    "sl.sl_send_reply": ((404, "Not Here"), (200, "OK"), (302, "Moved")),
    "sl.send_reply": ((404, "Not Here"), (200, "OK"), (500, "Server Error")),
    "corex.set_source_address": (("bob",), ("",)),  # with an address the last reply would go there
    "tm.t_reply": ((404, "Not Here"), (200, "OK")),
    "tm.t_on_branch": (("branch",),),
    "tm.t_on_failure": (("failure",),),
    "tm.t_on_reply": (("reply",),),
    "tm.t_on_branch_failure": (("tm:branch-failure:lost",),),
    "tm.t_is_set": (("branch_route",), ("failure_route",), ("none",)),
}
HTABLE: tuple[tuple[Value, ...], ...] = (
    ("htable.sht_rm", "t", "new"),
    ("htable.sht_sets", "t", "text", "a b"),
    ("htable.sht_seti", "t", "number", 5),
)


def cases(functions: Iterable[Function]) -> Iterator[Case]:
    """Every function that a script may call and that is no reason not to, with its arguments."""
    for function in functions:
        name = function.full_name
        if name in NOT_CALLED or OF_ITERATORS.match(name) or refusal(name, frozenset()) is not None:
            continue
        for arguments in BY_HAND.get(name) or _guessed(function.parameters):
            yield Case(name, function.ret, arguments, HTABLE if function.module == "htable" else ())


def _guessed(parameters: tuple[Parameter, ...]) -> Iterator[tuple[Value, ...]]:
    for number in range(SETS):
        yield tuple(_values(parameter)[number] for parameter in parameters)


def _values(parameter: Parameter) -> tuple[Value, ...]:
    if parameter.kind != "str":
        return NUMBERS
    return next((values for end, values in VALUES if parameter.name.endswith(end)), TEXTS)
