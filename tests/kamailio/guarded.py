"""Calls that would end or hang a Kamailio 5.6.3 or 6.0.1, and their neighbours, with what a script gets for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kamailio.test_kamailio_host import Step


@dataclass(frozen=True)
class Case:
    """What is called, on which message."""

    steps: Sequence[Step]
    answers: dict[int, object] = field(default_factory=dict)
    """What has to come, by the number of the step."""
    method: str = "OPTIONS"
    headers: str = ""
    """LATIN in it becomes a word that is not UTF-8."""
    body: str = ""


APPLY: Step = ("Core.ModF", "msg_apply_changes")
MULTIPART: Step = ("Core.ModF", "set_body_multipart")
TYPES = ("", "Content-Type: a/b\r\n", "Content-Type: a/b;c=d\r\n")
# fmt: off
BIG: Step = ("PV.SetS", "$var(big)", "a" * 60000)
EMPTY: Step = ("PV.SetS", "$var(none)", "")
PATH: Step = ("PV.SetS", "$var(path)", "a/b/")
GUARDED: dict[str, Case] = {
    "rbefore of an empty value": Case(
        [EMPTY, ("PV.GetS", "$(var(none){s.rbefore,/})"), ("PV.GetI", "$(var(none){ S . rbefore ,/})"),
         ("PV.IsNull", "$(var(none){s.rbefore,/})"), ("PV.GetS", "$(var(none){s.len}{s.tolower}{s.rafter,/}{s.len})"),
         ("PV.GetS", "$avp($(var(none){s.rbefore,/}))"), ("PV.SetS", "$avp($(var(none){s.rbefore,/}))", "x")],
        {1: None, 2: 0, 3: -1, 4: "0", 5: None, 6: -1}),
    "rbefore and rafter where they are right": Case(
        [PATH, ("PV.GetS", "$(var(path){s.rbefore,/})"), ("PV.GetS", "$(var(path){s.rbefore,/}{s.len})"),
         ("PV.GetS", "$(var(path){s.rafter,/})"), ("PV.GetS", "$(var(path){s.rbefore,b})"),
         EMPTY, ("PV.GetS", "$(var(none){s.rafter,/})")],
        {1: "a/b", 2: "3", 3: "", 4: None, 6: ""},
    ),
    "rafter, which leaves nothing wherever it finds its text": Case(
        [PATH, ("PV.GetS", "$(var(path){s.rafter,x})"), ("PV.IsNull", "$(mt{s.rafter,-2})"),
         ("PV.GetS", "$(var(path){s.rafter,b}{s.len}{s.rafter,$rU})"), ("PV.GetS", "$(var(path){s.rafter,$du})"),
         ("PV.GetS", "$(var(path){ s.rafter,x})"), ("PV.GetS", "$(hdr(X-None){s.rafter,x})"),
         ("PV.GetS", "$(var(path){s.rafter,a\tb})"), ("PV.GetS", "$(var(path){s.rafter,,})"),
         ("PV.GetS", "$(var(path){s.rafter,$du,})"), ("PV.GetS", "$(var(path){s.rafter,$rU,})")],
        {1: "", 2: 0, 3: "", 4: None, 5: None, 6: None, 7: None, 8: "", 9: None, 10: None}),
    "replace and rm of nothing": Case(
        [PATH, ("PV.GetS", "$(var(path){s.replace,,x})"), ("PV.GetS", "$(var(path){s.rm, })"),
         ("PV.GetS", "$(var(path){s.replace,/,-})"), ("PV.GetS", "$(var(path){s.rm,/})"),
         ("PV.SetS", "$var(odd)", "a,}"), ("PV.GetS", "$(var(odd){s.replace, ,x})"), ("PV.GetS", "$(var(odd){s.rm,})"),
         ("PV.GetS", "$(hdr(X-None){s.rm,})"), ("PV.GetS", "$(var(odd){s.rm,$du})"),
         ("PV.GetS", "$(var(odd){s.rm,\t})")],
        {1: "a/b/", 2: "a/b/", 3: "a-b-", 4: "ab", 6: None, 7: None, 8: None, 9: None, 10: None}),
    "a text behind a tab, which is a variable": Case(
        [BIG, PATH, ("PV.GetS", "$(var(path){s.replace,/,\t$var(big)})"), ("PV.GetS", "$(var(path){s.rbefore,\t$du})")],
        {2: None, 3: None}),
    "a write, which evaluates no transformation": Case(
        [("PV.SetS", "$(var(w){s.rbefore,x})", "a"), ("PV.GetS", "$var(w)"), ("PV.SetS", "$conid", "1"),
         ("PV.SetI", "$(sel(user_agent){s.replace,/, })", 0), ("PV.Unset", "$(err.info{s.encode.base58})"),
         ("PV.SetS", "$(rr{s.fmtlines,5, 1})", ""), ("PV.SetS", "$avp($(var(w){s.rbefore,x}))", "1")],
        {0: 0, 1: "a", 2: 0, 3: 0, 4: 0, 5: 0, 6: -1}),
    "what does not fit into a buffer": Case(
        [BIG, PATH, ("PV.GetS", "$(var(big){s.replace,a,bb})"), ("PV.GetS", "$(var(path){s.replace,a,$var(big)})"),
         ("PV.GetS", "$(var(big){s.fmtlines,1,1})"), ("PV.GetS", "$(var(path){s.fmtlines,$var(none),1})"),
         ("PV.GetS", "$(var(path){s.fmtlines,2,1})"), ("PV.GetS", "$(var(big){s.fmtlinet,60000,0})"),
         ("PV.GetS", "$(var(path){s.fmtlinet,3,-})"), ("PV.GetS", "$(var(path){s.fmtlines,60000,0})")],
        {2: None, 4: None, 5: None, 6: "a\r\n /b/", 7: None, 8: "a\r\n/\r\nb/", 9: "a\r\n/\r\nb\r\n/"}),
    "what takes seconds": Case(
        [BIG, PATH, ("PV.GetS", "$(var(big){s.encode.base58})"), ("PV.GetS", "$(var(path){s.encode.base58})"),
         ("PV.SetS", "$var(big)", "a" * 16384), ("PV.GetS", "$(var(big){s.encode.base58}{s.len})"),
         ("PV.SetS", "$var(big)", "1" * 8193), ("PV.GetS", "$(var(big){s.decode.base58})")],
        {2: None, 3: "3V5iSa", 5: "22375", 7: None}),
    "a parameter that is a variable with transformations": Case(
        [PATH, ("PV.GetS", "$(var(path){s.rafter,$(rU{s.len})})"), ("PV.GetS", "$(var(path){s.rafter,$(du{s.len})})"),
         ("PV.GetS", "$(var(path){s.replace,$(rU{s.substr,0,1}),007})"),
         ("PV.GetS", "$(hdr(X-None){s.after,$(rU{s.len})}{s.replace,5,0})"),
         ("PV.GetS", "$(var(path){s.after,$(rU{s.substr,0,1})}{s.replace,5,0})"),
         ("PV.GetS", "$(var(path){s.rbefore,$(rU{s.substr,0,1})})"), ("PV.GetS", "$(var(path){s.rm,a })"),
         ("PV.GetS", "$(var(path){s.rafter})"), ("PV.GetS", "$(var(path){s.rm,$(rU{s.rm,x})})"),
         ("PV.SetS", "$(var(path){s.rm,$(rU{s.len})})", "b"), ("PV.GetS", "$var(path)"),
         ("PV.SetS", "$var(number)", "171"), ("PV.GetS", "$(var(number){s.int}{s.rbefore,$(hdr(X-N){s.int})})")],
        {1: "", 2: None, 3: "a/b/", 4: None, 5: "/", 6: None, 7: "a/b/", 8: None, 9: "a/b/", 10: 0, 11: "b", 13: None},
        headers="X-N: 13\r\n"),
    "a transformation inside a name or a parameter, where it is safe and where not": Case(
        [PATH, ("PV.SetS", "$avp($(rU{s.rm,o}))", "5"), ("PV.GetS", "$avp(bb)"),
         ("PV.GetS", "$(var(path){s.rm,$(avp($(rU{s.rm,o})){s.rm,5})})"), ("PV.GetS", "$avp($(rU{s.rbefore,x}))"),
         ("PV.GetS", "$(rU{s.strip,$(rU{s.rm,bob}{s.len})})"), ("PV.GetS", "$(rU{s.strip,$(rU{s.rbefore,x}{s.len})})"),
         ("PV.GetS", "$avp($shtinc(t=>$(rU{s.rm,o})))")],
        {1: 0, 2: "5", 3: None, 4: None, 5: "bob", 6: None, 7: None}),
    "a long value that is not UTF-8 and has a NUL": Case(
        [("PV.GetS", "$hdr(X-Long)")], {0: f"{'b' * 33000}\0caf\udce9"}, headers=f"X-Long: {'b' * 33000}\0LATIN\r\n"),
    "a connection without TCP": Case(
        [("PV.GetS", "$conid"), ("PV.GetI", "$(conid)"), ("PV.IsNull", "$conid"), ("PV.GetS", "$(conid{s.len})"),
         ("PV.SetS", "$avp($conid)", "x"), ("PV.GetS", "$(ru{s.select,$conid,:})"), ("PV.GetS", "$tcp(conid)")],
        {0: None, 1: 0, 2: -1, 3: None, 4: -1, 5: None, 6: None}),
    "all headers of a message that does not parse": Case(
        [("PV.GetS", "$sel(msg.header)"), ("PV.GetI", "$(sel(@msg.header))"), ("PV.IsNull", "$sel(msg.h)"),
         ("PV.IsNull", "$sel(msg.header.in_reply_to)")],
        {0: None, 1: 0, 2: -1, 3: 1}, headers="no header at all\r\n",
    ),
    "a parameter without a value": Case(
        [("PV.GetS", f"$(hdr(X-P){{{parameter}}}{{{transformation}}})")
         for parameter in ("param.value,b", "param.valueat,1", "nameaddr.uri}{uri.param,x", "param.value,b}{s.unquote")
         for transformation in ("s.corehash", "S.Corehash,8", "s.select,-1,;", "s.decode.base58", "s.decode.base64url")]
        + [("PV.GetS", name) for name in (
            "$avp($(hdr(X-P){param.value,b}{s.corehash}))", "$(hdr(X-P){param.value,b}{s.select,$var(minus),;})",
            "$(hdr(X-P){param.value,a}{s.select,-1,1})", "$(hdr(X-None){s.corehash})",
            "$(hdr(X-P){param.name,0}{s.select,-1,i})", "$(hdr(X-P){param.value,c}{s.corehash})",
            "$(hdr(X-P){param.value,b}{s.trim}{s.select,-1,;})", "$(def(EMPTY){s.corehash})",
            "$(defn(EMPTY){s.select,-1,;})", "$(hdr(X-P){param.value,b}{s.select,$cl,;})")]
        + [("PV.SetI", "$var(minus)", -1), ("PV.GetS", "$(hdr(X-P){param.value,b}{s.select,$var(minus),;})"),
           ("PV.GetS", "$(hdr(X-P){param.value,b}{s.corehash,$cl})")],
        {**dict.fromkeys([*range(21), 27, 28, 31, 32]), **dict.fromkeys((21, 26, 29), ""), 22: "2", 23: None,
         24: "p:a@b", 25: "0"},
        headers="X-P: <sip:a@b;x>;a=12;b\r\n",
    ),
    "a part of SDP in a message without any": Case(
        [("PV.GetS", f"$(sdp({part}){{{transformation}}})") for part in ("raw", "c:ip")
         for transformation in ("s.corehash", "s.decode.base64url", "s.decode.base64urlt")],
        {**dict.fromkeys(range(6))}, headers="Content-Type: multipart/mixed;boundary=x\r\n",
        body="--x\r\nContent-Type: a/b\r\n\r\nc\r\n--x--\r\n"),
    "credentials without a part": Case(
        [("PV.GetS", f"$({name}{{{transformation}}})") for name in ("aa", "adc")
         for transformation in ("s.corehash", "s.select,-1,;", "s.decode.base58", "s.decode.base64url", "s.len")],
        {**dict.fromkeys(range(9)), 4: "0", 9: "0"},
        headers='Proxy-Authorization: Digest username="", realm="r", nonce="n", uri="sip:u", response="r"\r\n'),
    "a Diversion with a parameter that has no value": Case(
        [("PV.GetS", f"$({name}{{{transformation}}})") for name in ("dir", "dip")
         for transformation in ("s.corehash", "s.select,-1,;", "s.decode.base58", "s.decode.base64url", "s.len")],
        {**dict.fromkeys([*range(4), *range(5, 9)]), 4: "0", 9: "0"},
        headers="Diversion: <sip:a@b>;reason;privacy\r\n"),
    "a P-Charging-Vector that does not fit into a buffer": Case(
        [("PV.GetS", "$pcv(value)"), ("PV.IsNull", "$(pcv(all){s.len})"), ("PV.GetS", "$avp($pcv(orig))")],
        {0: None, 1: -1, 2: None}, headers=f"P-Charging-Vector: icid-value={'a' * 226}\r\n"),
    "a P-Charging-Vector that is longer than what is read of all": Case(
        [("PV.GetS", "$pcv(value)"), ("PV.GetI", "$pcv(all)")], {0: None, 1: 0},
        headers=f"P-Charging-Vector: LATIN{'a' * 9000}\r\n"),
    "a P-Charging-Vector that fits": Case(
        [("PV.GetS", "$pcv(value)")], {0: "a" * 225}, headers=f"P-Charging-Vector: icid-value={'a' * 225}\r\n"),
    "an address that does not end, behind a fold": Case(
        [("PV.GetS", f"$({name}{{{link}}})") for name in ("pu", "ai")
         for link in ("s.md5", "s.sha256", "s.encode.base58", "s.trim", "s.rtrim", "s.ltrim", "s.fmtlines,2,2")]
        + [("PV.GetS", "$avp($pu)"), ("PV.GetS", "$(ru{s.replace,$pu,$(ai{s.trim})})"), ("PV.GetS", "$pn"),
           ("PV.IsNull", "$ai")],
        {**dict.fromkeys(range(16)), 16: "="},
        headers="P-Preferred-Identity: =\n\t<@\r\nP-Asserted-Identity: <sip:a@b>, a\r\n <b,c\r\n"),
    "an address that ends, behind a fold": Case(
        [("PV.GetS", "$(pu{s.trim})"), ("PV.GetS", "$(ai{s.len})")], {0: "sip:a@b", 1: "7"},
        headers="P-Preferred-Identity: a\n\t<sip:a@b>\r\nP-Asserted-Identity: b\r\n <sip:a@b>;c\r\n"),
    "what is null once": Case([("PV.IsNull", "$pU"), ("PV.IsNull", "$ru x"), ("PV.IsNull", "$none")],
        {0: 1, 1: -1, 2: -1}, headers='P-Preferred-Identity:""<sip:8::>\r\n'),
    "an address that is null once, as the second header does not parse": Case(
        [("PV.IsNull", "$(ai)"), ("PV.IsNull", "$ai")], {0: 1, 1: 0},
        headers="P-Asserted-Identity: e\r\nP-Asserted-Identity:\r\n"),
    "what is null once, with transformations": Case(
        [("PV.IsNull", "$(pd{s.prefixes})"), ("PV.IsNull", "$(pd)")], {0: -1},
        headers='P-Preferred-Identity:""<sip:8::>\r\n'),
    "two expressions, which are no name": Case(
        [EMPTY, ("PV.IsNull", "$du$du"), ("PV.IsNull", "$du$var(none)"), ("PV.IsNull", "$(du)$(var(none))"),
         ("PV.IsNull", "$hdr(X-None)$var(none)"), ("PV.IsNull", "$du"), ("PV.IsNull", "$(du)")],
        {1: -1, 2: -1, 3: -1, 4: -1, 5: 1, 6: 1}, headers='P-Preferred-Identity:""<sip:8::>\r\n'),
    "a counter with transformations, which counts once": Case(
        [("PV.SetI", "$sht(t=>n)", 4), ("PV.GetS", "$(shtinc(t=>n){s.stripto,x}{s.int})"), ("PV.GetI", "$sht(t=>n)"),
         ("PV.SetS", "$var(x)", "n"), ("PV.IsNull", "$(shtinc(t=>$(var(x){s.trim})){s.select,x,y})"),
         ("PV.IsNull", "$(shtinc(t=>$(var(x){s.trim})){s.ftime,})"), ("PV.GetI", "$sht(t=>n)"),
         ("PV.GetS", "$(shtdec(t=>n){s.len})")],
        {1: "", 2: 5, 4: -1, 7: "1"}),
    "what was never set": Case([("PV.GetS", "$smsbody"), ("PV.IsNull", "$(smsbody)")], {0: None, 1: -1}),
    "the Contact of a request without one": Case([("PV.GetS", "$ctu"), ("PV.GetS", "$(cts)")], {0: None, 1: None}),
    "the Contact of a message whose headers do not parse": Case(
        [("PV.GetS", "$ctu"), ("PV.GetS", "$(cts)"), ("PV.GetS", "$msg(hdrc)")], {0: None, 1: None, 2: None},
        headers="X y: 1\r\n",
    ),
    "an R-URI of 1,024 bytes": Case(
        [("PV.SetS", "$rU", "1" * (1024 - len("sip:@example.com"))), ("PV.SetS", "$(rU)", "2" * 1008),
         ("PV.SetS", "$rU", "3" * 980), ("PV.SetS", "$rd", "4" * 39), ("PV.SetS", "$rU", "5" * 1100),
         ("PV.SetS", "$ru", "sip:abcd@" + "6" * 1020), ("PV.Unset", "$rU"), ("PV.Unset", "$ruri.user")],
        {0: -1, 1: -1, 2: 0, 3: -1, 4: -1, 5: 0, 6: -1, 7: -1},
    ),
    "names that end at a NUL": Case(
        [("PV.GetS", "$ru\0{s.rbefore,x}"), ("PV.GetI", "$ml\0x"), ("PV.IsNull", "$du\0$conid"), ("PV.GetS", "\0$ru")],
        {0: "sip:bob@example.com", 2: 1, 3: None},
    ),
    "a message without its Via": Case(
        [("HDR.Remove", "Via"), ("HDR.Insert", "X-Gone: 1\r\n"), ("PV.SetS", "$rU", "new"), APPLY, ("PV.GetS", "$ru"),
         ("PV.GetS", "$hdr(X-Gone)"), ("HDR.Insert", "X-Here: 1\r\n"), APPLY, ("PV.GetS", "$hdr(X-Here)")],
        {3: -1, 4: "sip:new@example.com", 5: None, 7: 1, 8: "1"}),
    "a message whose other headers are doubled or malformed": Case(
        [("PV.SetS", "$tU", "new"), APPLY, ("PV.GetS", "$tU"), ("HDR.Append", "Max-Forwards: 1\r\n"), APPLY],
        {1: 1, 2: "new", 4: 1}, headers="Max-Forwards: 1\r\nno name\r\n"),
    "a message with a NUL, without its Via": Case(
        [("HDR.Remove", "v"), APPLY, ("PV.GetS", "$(hdr(X-Nul){s.len})"), APPLY], {1: -1, 2: "3", 3: 1},
        headers="X-Nul: a\0b\r\n"),
    "a body that becomes multipart, twice": Case(
        [MULTIPART, APPLY, APPLY, ("PV.GetS", "$(rb{s.substr,-4,0})")], {0: 1, 1: 1, 2: 1, 3: "--\r\n"},
        headers=TYPES[1], body="x"),
    "a body that becomes multipart and is not UTF-8": Case(
        [MULTIPART, APPLY, APPLY, ("PV.GetS", "$(rb{s.substr,-4,0})")], {0: 1, 1: 1, 2: 1, 3: "--\r\n"},
        headers=TYPES[1], body="LATIN"),
    "a body that becomes multipart, with a second type that names no boundary": Case(
        [MULTIPART, APPLY, ("PV.GetS", "$cT"), APPLY], {0: 1, 1: -1, 2: "a/b", 3: 1},
        headers=TYPES[1] + TYPES[2], body="x"),
    "a body that becomes multipart, without a type": Case([MULTIPART, APPLY], {0: -127, 1: 1}, body="x"),
    "a body that becomes multipart, of a type with parameters": Case(
        [MULTIPART, APPLY], {0: -127, 1: 1}, headers=TYPES[2], body="x"),
    "a body that is multipart": Case([MULTIPART, APPLY], {0: 1, 1: 1}, headers="c: multipart/mixed;c=d\r\n", body="x"),
    "what a function gives, also one that KEMI runs": Case(
        [("Core.ModF", "is_gruu"), ("PV.GetS", "$rc"), ("Core.ModF", "record_route"), ("PV.GetS", "$?"),
         ("Core.ModF", "has_totag"), ("PV.GetS", "$retcode")],
        {0: -1, 1: "-1", 2: 1, 3: "1", 4: -1, 5: "-1"}),
    "a message whose Via is folded": Case([("HDR.Insert", " leading: x\r\n"), APPLY, ("HDR.Insert", "X-A: 1\r\n")]),
    "a message that is not UTF-8, without its Via": Case(
        [("HDR.Remove", "v"), APPLY, ("PV.GetS", "$hdr(X-Latin)"), APPLY], {1: -1, 2: "caf\udce9", 3: 1},
        headers="X-Latin: LATIN\r\n",
    ),
    "a long message that is not UTF-8, without its Via": Case(
        [("HDR.Remove", "v"), APPLY, ("PV.GetS", "$hdr(X-Latin)"), APPLY], {1: -1, 2: "caf?", 3: 1},
        headers=f"X-Latin: LATIN\r\nX-Long: {'b' * 9000}\r\n",
    ),
}
# fmt: on
