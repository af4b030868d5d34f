"""Expressions over a message: every pseudo-variable that the embedded host knows, names, indexes and transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import runner.hosts.embedded.host  # noqa: F401 - registers the variables
from runner.hosts.embedded.pv.registry import Variable, variables
from runner.hosts.embedded.value import CannotEvaluate
from tools.compare.headers import COMPACT, HEADERS

if TYPE_CHECKING:
    from tools.compare.dice import Dice

HEADER_NAMES = (*HEADERS, *COMPACT.values(), "Content-Length", "l", "X-None", "x-custom", "CONTACT", "call-id")
_OTHER_NAMES = [
    "0",
    "1",
    "2",
    "7",
    "31",
    "32",
    "-1",
    "a",
    "b",
    "c",
    "x",
    "ABC",
    "uri",
    "user",
    "domain",
    "host",
    "port",
    "proto",
    "protoid",
    "name",
    "display",
    "branch",
    "rport",
    "received",
    "i",
    "q",
    "Q",
    "all",
    "value",
    "genaddr",
    "orig",
    "term",
    "min",
    "max",
    "body",
    "sess_version",
    "len",
    "buf",
    "hdrs",
    "hdrc",
    "fline",
    "fpart",
    "lpart",
    "body_len",
    "hdrs_len",
    "id",
    "u",
    "U",
    "d",
    "p",
    "P",
    "dst_uri",
    "path",
    "send_socket",
    "count",
    "flags",
    "ruid",
    "location_ua",
    "duri",
    "dhost",
    "dport",
    "dproto",
    "dprotoid",
    "cntvia",
    "cntrr",
    "TEXT",
    "NUMBER",
    "EMPTY",
    "NONE",
    "full",
    "num",
    "hash",
    "ver",
    "key",
    "table=>a",
    "table=>b",
    "none=>a",
    "a=>b",
    "a[0]=>b",
    "a[1]",
    "a[*]",
    "a=>b[0]",
    "s:a",
    "i:1",
    "IPv4",
    "IPv6",
    "UDP",
    "TCP",
    "TLS",
    "SCTP",
    "WS",
    "WSS",
    "udp",
    "main",
    "alt",
    "params",
    "comment",
    "transport",
    "tag",
    "code",
    "reason",
    "method",
    "raw",
    "cb",
    "ip",
    "sproto",
    "af",
    "sip",
    "sport",
    "srcip",
    "rcvip",
    "srcport",
    "rcvport",
    "reply_code",
    "branch_index",
    "sec",
    "year",
    "wday",
]
_FORMATS = {"timef": ("%Y",), "utimef": ("%Y",), "sel": ()}
_FREE = {"hdr", "hdrc", "hfl", "hflc"}


def _accepted(variable: Variable) -> tuple[str, ...]:
    parse = variable.parse_name
    assert parse is not None

    def is_accepted(name: str) -> bool:
        try:
            parse(name.encode())
        except CannotEvaluate:
            return False
        return True

    return tuple(name for name in _OTHER_NAMES if is_accepted(name))


VARIABLES = [variable for variable in variables() if variable.name not in {"sel", "_s", "T_inv", "T_req", "T_rpl"}]
NAMES = {v.name: HEADER_NAMES if v.name in _FREE else _accepted(v) for v in VARIABLES if v.parse_name is not None}
_WEIGHTS = {"hdr": 8, "hfl": 8, "hflc": 3, "hdrc": 2, "sdp": 3, "expires": 3, "via0": 3, "via1": 3, "viaZ": 2, "ct": 2}
_RARE = {"time", "utime", "timef", "utimef", "TF", "Tf", "TS", "Ts", "Tb", "TV", "C", "K", "env", "envn", "def", "defn",
         "T", "T_branch", "snd", "sndto", "sndfrom", "rcv", "stat", "version", "ksr", "pp", "mi", "sruid", "shtrecord"}  # fmt: skip
_CHOICES = [v for v in VARIABLES for _ in range(1 if v.name in _RARE else 4 * _WEIGHTS.get(v.name, 1))]

_URI = ("", ".type", ".user", ".rn_user", ".pwd", ".host", ".port", ".hostport", ".transport", ".params", ".params.x",
        ".params.lr", ".params.transport", ".params.user", '.params["r2"]', ".x")  # fmt: skip
_ADDRESS = ("", ".name", ".tag", ".params.tag", ".params.q", ".params.x", ".params", *(".uri" + part for part in _URI))
_VIA = ("", ".name", ".version", ".transport", ".host", ".port", ".comment", ".branch", ".received", ".rport", ".i",
        ".alias", ".params.x", ".params.branch", ".params.ttl", ".params")  # fmt: skip
_AUTH = ("", *("." + part for part in ("username", "username.user", "username.domain", "realm", "nonce", "uri", "cnonce",
         "nc", "response", "opaque", "algorithm", "qop", "x")))  # fmt: skip
_HF = ("", ".uri", ".uri.user", ".name", ".params.x", ".p.x", ".param.q", ".uri.params", ".nameaddr", ".nameaddr.uri",
       ".nameaddr.name", ".nameaddr.params.x", ".params", ".nameaddr.uri.host")  # fmt: skip
_PLAIN_SELECTS = [
    "call_id",
    "call-id",
    "expires",
    "max_forwards",
    "event",
    "event.x",
    "event.params.id",
    "content_type",
    "content_length",
    "subject",
    "organization",
    "priority",
    "session_expires",
    "min_se",
    "user_agent",
    "sip_if_match",
    "date",
    "identity",
    "identity_info",
    "server",
    "rr",
    "require",
    "supported",
    "accept",
    "accept_language",
    "allow",
    "content_disposition",
    "content_encoding",
    "diversion",
    "unsupported",
    "proxy_require",
    "retry_after",
    "cseq",
    "cseq.num",
    "cseq.method",
    "method",
    "version",
    "status",
    "code",
    "reason",
    "src.ip",
    "src.port",
    "src.ip_port",
    "dst.ip",
    "dst.port",
    "dst.ip_port",
    "received.ip",
    "received.port",
    "received.proto",
    "received.ip_port",
    "received.proto_ip_port",
    "msg",
    "msg.first_line",
    "msg.flags",
    "msg.len",
    "msg.type",
    "msg.header",
    "msg.h",
    "msg.body",
    "msg.content",
    "msg.body.sdp",
    "msg.request",
    "msg.req.method",
    "msg.request.uri",
    "msg.request.uri.user",
    "msg.request.version",
    "msg.response",
    "msg.response.status",
    "msg.res.code",
    "msg.response.reason",
    "msg.response.version",
    "message.len",
    "branch",
    "branch.count",
    "branch.uri",
    "branch.uri[0]",
    "branch.dst_uri",
    "branch.q",
    "branch.uriq",
    "sys.server_id",
    "cfg_get.core.debug",
    "cfg_get.core.max_len",
    "next_hop",
    "next_hop.host",
    "next_hop.port",
    "next_hop.src_ip",
    "next_hop.uri",
    "ruri",
    "ruri.host",
    "dst_uri.user",
    "x",
    "nonsense.x",
]
_HEADER_SELECTS = ("from", "f", "to", "t", "refer_to", "rpid", "remote_party_id", "contact", "m", "record_route", "rr")


def _index(dice: Dice) -> str:
    return (
        dice.one("[0]", "[1]", "[2]", "[-1]", "[-2]", "[-3]", "[*]", "[9]", "[10000]", "[]", "[x]")
        if dice.maybe(0.97)
        else "[$var(a)]"
    )


def select(dice: Dice) -> str:
    """A ``$sel(...)``, of a name that exists, mostly."""
    match dice.randrange(9):
        case 0 | 1:
            path = dice.of(_HEADER_SELECTS) + dice.of(_ADDRESS)
        case 2:
            path = dice.one("via", "v", "via[1]", "via[2]", "via[-1]", "via[0]", "via[9]") + dice.of(_VIA)
        case 3:
            path = dice.one("contact", "contact", "rr") + dice.one(
                ".q", ".expires", ".methods", ".received", ".instance", ".uri", ".name", ".params.x", ".params.expires"
            )
        case 4:
            realm = dice.one('["a.example"]', '[\\"a.example\\"]', ".a", '["b"]', "")
            path = (
                dice.one("auth", "authorization", "www_authorization", "proxy_auth", "proxy_authorization")
                + realm
                + dice.of(_AUTH)
            )
        case 5:
            name = dice.of(HEADER_NAMES)
            name = dice.one(name, name.lower(), name.replace("-", "_"), name.replace("-", "_").lower())
            path = (
                dice.one("hf_value", "hf_value", "hf_value2", "hf_value_exists", "msg.header", "msg.h")
                + "."
                + name
                + dice.one("", "", "", "[1]", "[2]", "[-1]", "[*]", ".a")
                + dice.of(_HF)
            )
        case 6:
            path = dice.one(
                "ruri", "request_uri", "dst_uri", "next_hop", "from.uri", "contact.uri", "msg.request.uri"
            ) + dice.of(_URI)
        case 7:
            path = "msg.body.sdp.line" + dice.one(".m", ".c", ".o", ".a", ".v", ".x", "[1].m", '["a=rtpmap"]', "")
        case _:
            path = dice.of(_PLAIN_SELECTS)
    if dice.maybe(0.05):
        path = dice.one("@" + path, path.upper(), path + ".x", path + "[0]", path + "[1]", "." + path, path + ".")
    return f"sel({path})"


_TEXTS = ("a", "@", ":", ";", ",", "sip", "ip:", "", " ", "$ru", "$rU", "b.example", "<", '"', "\\r\\n", "/", "0")
_COUNTS = ("0", "1", "2", "3", "-1", "-2", "5", "100", "99999", "x", "", "$ml", "007", " 1")
_T = "\0text", "\0count"


def _argument(dice: Dice) -> str:
    return dice.of(_TEXTS) if dice.maybe(0.5) else dice.of(_COUNTS)


_WITHOUT = [
    "s.len",
    "s.int",
    "s.md5",
    "s.sha256",
    "s.sha384",
    "s.sha512",
    "s.tolower",
    "s.toupper",
    "s.trim",
    "s.ltrim",
    "s.rtrim",
    "s.rmws",
    "s.unquote",
    "s.unbracket",
    "s.numeric",
    "s.corehash",
    "s.prefixes",
    "s.prefixes.quoted",
    "s.escape.common",
    "s.unescape.common",
    "s.escape.user",
    "s.unescape.user",
    "s.escape.param",
    "s.unescape.param",
    "s.escape.csv",
    "s.urlencode.param",
    "s.urldecode.param",
    "s.encode.hexa",
    "s.decode.hexa",
    "s.encode.base64",
    "s.decode.base64",
    "s.encode.base64t",
    "s.decode.base64t",
    "s.encode.base64url",
    "s.decode.base64url",
    "s.encode.base64urlt",
    "s.decode.base64urlt",
    "s.encode.base58",
    "s.decode.base58",
    "uri.user",
    "uri.host",
    "uri.passwd",
    "uri.port",
    "uri.params",
    "uri.headers",
    "uri.transport",
    "uri.ttl",
    "uri.uparam",
    "uri.maddr",
    "uri.method",
    "uri.lr",
    "uri.r2",
    "uri.scheme",
    "uri.domain",
    "uri.tosocket",
    "uri.x",
    "param.count",
    "nameaddr.name",
    "nameaddr.uri",
    "nameaddr.len",
    "tobody.uri",
    "tobody.tag",
    "tobody.user",
    "tobody.host",
    "tobody.display",
    "tobody.params",
    "line.count",
    "urialias.encode",
    "sock.host",
    "sock.port",
    "sock.proto",
    "sock.touri",
    "val.json",
    "s.x",
    "x.y",
]
_WITH_ONE = [
    "s.strip",
    "s.striptail",
    "s.stripto",
    "s.after",
    "s.before",
    "s.count",
    "s.rm",
    "s.corehash",
    "s.prefixes",
    "uri.param",
    "param.value",
    "param.in",
    "param.name",
    "param.valueat",
    "line.at",
    "line.sw",
]
_WITH_TWO = [
    "s.substr",
    "s.select",
    "s.replace",
    "param.value",
    "param.in",
    "param.name",
    "param.valueat",
    "s.fmtlines",
]
_SUBSTITUTIONS = (
    "/a/b/g",
    "/sip:(.*)@(.*)/\\1 \\2/",
    "/[a-z]+/x/gi",
    "/^/x/",
    "/./y/g",
    "/a/",
    "/(/x/",
    "/;.*$//",
    "/x/y/s",
    "|@|-|",
)


def transformation(dice: Dice) -> str:
    """One ``{...}``."""
    match dice.randrange(10):
        case 0 | 1 | 2 | 3 | 4:
            text = dice.of(_WITHOUT)
        case 5 | 6:
            text = f"{dice.of(_WITH_ONE)},{_argument(dice)}"
        case 7 | 8:
            name = dice.of(_WITH_TWO)
            first, second = _argument(dice), _argument(dice)
            if name == "s.replace" and not first:
                first = "a"  # loops forever in Kamailio
            text = f"{name},{first},{second}"
        case _:
            text = f"re.subst,{dice.of(_SUBSTITUTIONS)}"
    if text == "s.rm,":  # as s.replace
        text = "s.rm,a"
    if dice.maybe(0.04):
        text = dice.one(text.upper(), text + ",", text + " ", " " + text, text.replace(",", ", "), text + ",1")
    return "{" + text + "}"


def inner(dice: Dice) -> str:
    """A variable with its name and index, without ``$`` and without transformations."""
    if dice.maybe(0.12):
        return select(dice)
    variable = dice.of(_CHOICES)
    if variable.parse_name is None:
        text = variable.name + dice.maybe(0.01, "(a)")
    else:
        known = NAMES[variable.name]
        name = dice.of(known) if known and dice.maybe(0.96) else dice.one(*_OTHER_NAMES)
        name = dice.of(_FORMATS[variable.name]) if variable.name in _FORMATS else name
        text = f"{variable.name}({name})"
    if dice.maybe(0.25 if variable.takes_index else 0.015):
        text += _index(dice)
    return text


def expression(dice: Dice) -> str:
    """Something to read."""
    text = inner(dice)
    changes = "".join(transformation(dice) for _ in range(dice.one(0, 0, 0, 0, 1, 1, 1, 2, 3)))
    if not changes and "[" not in text.partition(")")[2] and dice.maybe(0.7):
        whole = "$" + text
    else:
        whole = f"$({text}{changes})"
    if dice.maybe(0.01):
        whole = dice.one(
            whole + " ",
            whole + " x",
            whole[:-1],
            whole.replace("(", "( ", 1),
            " " + whole,
            "$" + whole,
            whole.upper(),
            "$",
            "",
        )
    return whole
