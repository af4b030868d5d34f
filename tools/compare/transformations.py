"""Every class of transformations, with arguments that are right, odd or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.compare.dice import Dice

_WITHOUT = """
s.len s.int s.md5 s.sha256 s.sha384 s.sha512 s.tolower s.toupper s.trim s.ltrim s.rtrim s.rmws s.unquote s.unbracket
s.numeric s.corehash s.prefixes s.prefixes.quoted s.escape.common s.unescape.common s.escape.user s.unescape.user
s.escape.param s.unescape.param s.escape.csv s.urlencode.param s.urldecode.param s.encode.hexa s.decode.hexa
s.encode.base64 s.decode.base64 s.encode.base64t s.decode.base64t s.encode.base64url s.decode.base64url
s.encode.base64urlt s.decode.base64urlt s.encode.base58 s.decode.base58 uri.user uri.host uri.passwd uri.port uri.params
uri.headers uri.transport uri.ttl uri.uparam uri.maddr uri.method uri.lr uri.r2 uri.scheme uri.domain uri.tosocket uri.x
param.count nameaddr.name nameaddr.uri nameaddr.len tobody.uri tobody.tag tobody.user tobody.host tobody.display
tobody.params line.count urialias.encode sock.host sock.port sock.proto sock.touri val.json s.x x.y
"""
_WITH_ONE = """
s.strip s.striptail s.stripto s.after s.before s.count s.rm s.corehash s.prefixes uri.param param.value param.in
param.name param.valueat line.at line.sw s.ftime s.rafter
"""
_WITH_TWO = "s.substr s.select s.replace param.value param.in param.name param.valueat s.fmtlines s.fmtlinet"
_ONE, _TWO, _NONE = _WITH_ONE.split(), _WITH_TWO.split(), _WITHOUT.split()
_TEXTS = ("a", "@", ":", ";", ",", "sip", "ip:", "", " ", "$ru", "$rU", "b.example", "<", '"', "\\r\\n", "/", "0", "%Y",
          "tag", "lr", "x", "transport", "$var(a)", "$hdr(X-Custom)", "expires", "phone-context", "ob", "\\s", "\\", "é",
          "$(rU{s.tolower})", "$(tu{s.after,@})", "$(fd{s.rm,.})", "$(ci{s.substr,0,2}{s.trim})")  # fmt: skip
_COUNTS = ("0", "1", "2", "3", "-1", "-2", "5", "100", "99999", "x", "", "$ml", "$var(b)", "$(rU{s.len})", "007", " 1",
           "$(ml{s.strip,2}{s.int})")  # fmt: skip
_SUBSTITUTIONS = ("/a/b/g", "/sip:(.*)@(.*)/\\1 \\2/", "/[a-z]+/x/gi", "/^/x/", "/./y/g", "/a/", "/(/x/", "/;.*$//", "/x/y/s", "|@|-|",
                  "/[[:alpha:]]+/A/g", "/(a)|b/[\\1]/g", "/a*/x/g", "/$/x/", "/\\././g", "/a/\\0\\0/")  # fmt: skip


def _argument(dice: Dice) -> str:
    return dice.of(_TEXTS) if dice.maybe(0.5) else dice.of(_COUNTS)


def transformation(dice: Dice) -> str:
    """One ``{...}``."""
    match dice.randrange(10):
        case 0 | 1 | 2 | 3 | 4:
            text = dice.of(_NONE)
        case 5 | 6:
            text = f"{dice.of(_ONE)},{_argument(dice)}"
        case 7 | 8:
            text = f"{dice.of(_TWO)},{_argument(dice)},{_argument(dice)}"
        case _:
            text = f"re.subst,{dice.of(_SUBSTITUTIONS)}"
    if dice.maybe(0.04):
        text = dice.one(text.upper(), text + ",", text + " ", " " + text, text.replace(",", ", "), text + ",1")
    return "{" + text + "}"
