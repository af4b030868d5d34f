"""
Steps that call functions of KSR: arguments by the names that Kamailio's sources give the parameters.

Half of the texts are taken from the message itself, so that what is looked for is often there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from runner.hosts.embedded.ksr import FUNCTIONS
from runner.installed import version
from runner.ksr import functions
from tools.compare import messages
from tools.compare.cases import KSR, MODES, Case, Step
from tools.compare.dice import Dice
from tools.compare.headers import HEADER_NAMES
from tools.compare.wording import BYTES, MARKS, NUMBERS, address, host, number, params, quoted, uri, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.ksr.functions import Function, Parameter

    Maker = Callable[["OfMessage"], str]

_COMPARED = ("kx", "pvx", "siputils", "textops", "textopsx")
"""The modules of which every function that the embedded host has is called."""
_LEFT_OUT = frozenset(
    {
        "kx.get_timestamp",  # the time
        "siputils.options_reply",  # it replies
        "pvx.sbranch_append",  # another message goes out
        "textops.set_body_multipart_mode",  # as ModF by the other steps
    }
)
_THEMES = ("textops.", "textops.", "siputils.", "textopsx.", "pvx.avp", "pvx.xavp", "pvx.xavi", "pvx.xavu")
_READS = ("$ru", "$rU", "$du", "$rb", "$cl", "$hdr(Contact)", "$(hdr(Via)[-1])", "$avp(a)", "$xavp(a)", "$ua", "$au")
_INTS = (0, 1, 2, 3, -1, -2, -3, 5, 31, 32, 2147483647, -2147483648, 65536)
_EXPRESSIONS = (
    "a", "sip", "SIP", "^a", "a$", "^", "$", "", ".", ".*", "a*", "[0-9]+", "([a-z]+)", "(a|ab)(c|bcd)?", "\\.", "^To",
    "^[^:]*:", "[", "(", ")", "a{1,3}", "a{2", "*", "+", "\\1", "(a)\\1", "[[:alpha:]]+", "\r\n", "\n", "[\r\n]", "x?", "^$",
    "Via", "^X-", "tag=[^;]*", "alice|bob", "[^a]", "\xe9", "example", "m=[^ ]*", "^v=0", "IN IP4 ([0-9.]+)", "--b", "<.*>",
)  # fmt: skip
_TEXTS = ("", "a", "x", "A: b", "X-N: 1\r\n", "\r\n", "sip:", "example", "hello", "\xe9", "  ", "a\tb", "1", ";x=1")
_VARIABLES = ("$avp(a)", "$avp(b)", "$xavp(a)", "$avp(s:a)")
_TYPES = ("text/plain", "application/sdp", "APPLICATION/SDP", "multipart/mixed", "*/*", "text/*", "a/b", "x/y", "text", "", "text/plain;x=1",
          "multipart/mixed;boundary=b", 'multipart/mixed;boundary="q"', "application/pidf+xml", "text/plain, a/b")  # fmt: skip
_SEPARATORS = (",", ";", " ", ", ", "", "a", "\t")
_WORDS = ("eq", "ne", "in", "re", "EQ", "Re", "xx", "", "eqq")
_MODES_OF_HEADERS = ("f", "l", "a", "", "F", "x", "fl")
_PRIVACY = ("id", "user", "none", "header", "session", "critical", "history", "ID", "id;user", "", "x", "i", "head")
_BODY_TYPES = ("application/sdp", "text/plain")
_NAMES = ("TEXT", "NUMBER", "EMPTY", "NONE", "", "KAMAILIO_NONE")


_PARAM = r"[;?]([A-Za-z0-9-]+)(?:=([A-Za-z0-9.-]*))?"


class OfMessage(Dice):
    """Dice that know a message: words, parameters and names of headers that are in it."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.message = _message(self)
        text = self.message.decode("latin-1")
        head, _, body = text.partition("\r\n\r\n")
        self._text = text
        self._body: list[str] = re.findall(r"[^\s;,]+", body[:2000]) or [""]
        self._words: list[str] = re.findall(r"[A-Za-z0-9_.+@-]+", head[:4000]) or [""]
        self._params: list[tuple[str, str]] = re.findall(_PARAM, head) or [("", "")]
        self._uri_params: list[tuple[str, str]] = re.findall(
            _PARAM, head.partition("\r\n")[0].partition(" SIP")[0]
        ) or [("", "")]
        self._names: list[str] = re.findall(r"(?m)^([A-Za-z0-9-]+)[ \t]*:", head) or [""]
        self._users: list[str] = re.findall(r":([^\s:;@<>]+)@", head) or [""]

    def word_of(self) -> str:
        """A word in the headers, or in the body."""
        return self.one(self.of(self._words), self.of(self._words), self.of(self._body))

    def user_of(self) -> str:
        """The user of a URI."""
        return self.of(self._users)

    def slice_of(self) -> str:
        """Some bytes."""
        at = self.randrange(len(self._text))
        return self._text[at : at + 1 + self.randrange(12)].replace("\0", "")

    def message_with(self, old: str, new: str) -> str:
        """The message with one text in place of another, but in the first line."""
        first, end, rest = self._text.partition("\r\n")
        return (first + end + rest.replace(old, new, 1)).replace("\0", "")

    def name_of(self) -> str:
        """The name of a header."""
        return self.of(self._names)

    def uri_pair_of(self) -> tuple[str, str]:
        """The same, of a parameter of the R-URI."""
        return self.of(self._uri_params)

    def pair_of(self) -> tuple[str, str]:
        """The name and the value of a parameter."""
        return self.of(self._params)


_INSIDE = ("--b\r\nContent-Type: {0}\r\n\r\n{1}\r\n--b\r\nContent-Type: {2}\r\nContent-ID: <x>\r\n\r\n{3}\r\n--b--\r\n",
           "--b\r\nc:{0}\r\n\r\n{1}--b\r\nContent-Type: {2};x=1\r\n\r\n{3}\r\n--b", "--b\r\n\r\n--b\r\ncontent-type: {0}\r\n{1}\n--b\r\n")  # fmt: skip


_BODIES = ("one", "One, two", "two, three", "1;x=y", "a=b", '"a, b" <sip:a@b>;x="y";q=1 , two;X=1;x', "one,,two ,", "")


def _sound(dice: Dice) -> str:
    """A request that all parsers take, with what the functions look for."""
    method = dice.of(("INVITE", "OPTIONS", "MESSAGE"))
    user = dice.one("alice", "+15551234", "bob.b", "", "a", "123")
    values = (dice.one("x", "alias", "lr", "transport", "user", "ob", "gr", "X") + dice.one("", "=1", "=udp", "=phone", "=a.b-c", '="q"')
              for _ in range(dice.randrange(4)))  # fmt: skip
    target = "sip:" + (user + "@" if user else "") + "b.example" + "".join(f";{value}" for value in values)
    target += dice.maybe(0.1, "?a=b")
    kind, body = "", ""
    match dice.randrange(4):
        case 0:
            kind, body = "application/sdp", messages.SDP
        case 1 | 2:
            kind = dice.one(
                "multipart/mixed;boundary=b", 'Multipart/Mixed; boundary="b"', "multipart/mixed;x=1;boundary=b"
            )
            texts = (text for _ in range(2) for text in (dice.of(_BODY_TYPES), dice.one("hi", messages.SDP, "")))
            body = dice.of(_INSIDE).format(*texts)
        case _:
            kind, body = dice.one("text/plain", ""), dice.one("", "hello\r\nworld sip:a@b\r\n")
    lines = [
        f"{method} {target} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa;rport",
        f"From: Alice <sip:{user or 'a'}@a.example;x=1>;tag=a",
        "To: <sip:bob@b.example>" + dice.maybe(0.5, ";tag=b"),
        "Call-ID: c@a.example",
        f"CSeq: 1 {method}",
        *dice.some(3, lambda dice: dice.one("Max-Forwards: 70", "User-Agent: phone 1.0", "Subject: two words")),
        *dice.some(
            2,
            lambda dice: f"Contact: {dice.one('', 'A ')}<{target}>;q=0.5{dice.maybe(0.3, ', <sip:c@c.example;x=Yg>')}",
        ),
        f"X-A: {dice.of(_BODIES)}",
        *dice.some(5, lambda dice: f"X-{dice.one('A', 'B')}: {dice.of(_BODIES)}"),
        *([f"Privacy: {dice.of(_PRIVACY)}{dice.maybe(0.3, '; id')}"] if dice.maybe(0.4) else []),
        *dice.some(1, lambda _: "Date: Sun, 06 Nov 1994 08:49:37 GMT"),
        *([f"Content-Type: {kind}"] if kind else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def _message(dice: Dice) -> bytes:
    return _sound(dice).encode("latin-1") if dice.maybe(0.6) else messages.message(dice)


def _expression(dice: OfMessage) -> str:
    found = dice.one(dice.word_of(), dice.word_of(), dice.name_of(), dice.slice_of())
    return dice.one(dice.of(_EXPRESSIONS), word(dice), found, f"({found[:3]})(.*)", f"^{found}", found[:2])


def _text(dice: OfMessage) -> str:
    return dice.one(dice.of(_TEXTS), word(dice), uri(dice), number(dice), address(dice), quoted(dice), dice.of(MARKS + BYTES),
                    dice.word_of(), dice.slice_of())  # fmt: skip


def _replacement(dice: Dice) -> str:
    pieces = ("\\1", "\\0", "\\9", "\\n", "\\t", "\\\\", "\\u", "\\$", "$ru", "$fU", "$hdr(X-None)", "a", "", "x")
    return "".join(dice.some(4, lambda dice: dice.of(pieces)))


def _substitution(dice: OfMessage) -> str:
    if dice.maybe(0.05):
        return dice.one("", "/", "//", "///", "/a/", "/a/b", "a", "\\a\\b\\", "/a/b/x", "/(/b/")
    mark = dice.one("/", "/", "/", "#", "!", ":", "a")
    what = dice.one(_expression(dice), _expression(dice), dice.user_of(), "[a-z]+", ".", "(.)(.*)")
    return mark + what + mark + _replacement(dice) + mark + dice.one("", "g", "i", "gi", "s", "gs", "", "ig")


def _header_name(dice: OfMessage) -> str:
    name = dice.name_of() if dice.maybe(0.7) else dice.of(HEADER_NAMES)
    return (
        name
        if dice.maybe(0.9)
        else dice.one(name + " ", name + ":", " " + name, name + "x", "", "\xe9", "a b", name + "\t")
    )


def _of(*choices: str) -> Maker:
    return lambda dice: dice.of(choices)


def _body(dice: Dice) -> str:
    return dice.one("", "hi", "a\r\nb\r\n", messages.SDP, "x\r\n\r\n", "\xe9", "--b\r\n")


def _digits(dice: Dice) -> str:
    return dice.one("", "6869", "68 69", "6", "0d0a", "zz", " 68", "0D0A0d0a", "6 8")


def _tests(dice: OfMessage) -> str:
    return dice.one("", "123", "+123", "+0", "+", "a1", "A-b", "1.2", "\xe9", number(dice), word(dice), dice.user_of())


def _param_name(dice: OfMessage) -> str:
    return dice.one(
        dice.pair_of()[0], dice.pair_of()[0], "x", "alias", "lr", "", "transport", "LR", "r2", "X", "gr", "ob", "line"
    )


def _listing(dice: Dice) -> str:
    separator = dice.of(_SEPARATORS)
    return separator.join(dice.some(5, lambda dice: _white(dice) + word(dice) + _white(dice)))


def _white(dice: Dice) -> str:
    return dice.one("", "", "", " ", "\t", "\r\n")


_MAKERS: dict[str, Maker] = {
    "sep": _of(";", ",", ", ", "", "ab", ";,"),
    "slist": _listing,
    "mode": _of("t", "", "x"),
    "sparams": lambda dice: dice.one("a=1;b;c=x", "a", "a=;", ";", "", "a=1,b=2", 'a="x;y";b=z;', params(dice)[1:]),
    "svname": _of(*_VARIABLES),
    **dict.fromkeys(("cname", "rname", "sxname", "xname"), _of("a", "a", "b", "A", "a", "")),
    "cd": _of("", "attachment", "session;x=1"),
    "clist": _of("", "a", "abc", "\xe9", "xyz"),
    "content_type": _of(*_TYPES),
    "ct": _of(*_TYPES),
    "ctype": _of(*_TYPES),
    "dname": _of(*_NAMES),
    "dst": _of(*_VARIABLES),
    "eaddr": lambda dice: dice.one(host(dice) or "h", "192.0.2.9:5060"),
    "ematch": _expression,
    "envname": _of(*_NAMES),
    "eprefix": _of("", "p", "enc", "a*b"),
    "eset": _of("", "-", "+-.", "a"),
    "eskip": _expression,
    "expr": lambda dice: dice.one(_expression(dice), "70", "one", "two, three", "1 INVITE"),
    "flags": _of(*_MODES_OF_HEADERS),
    "hexp": lambda dice: (
        dice.one("X-A", "X-B", _header_name(dice))
        + dice.one(*[""] * 5, "[1]", "[2]", "[0]", "[-1]", "[-2]", "[ 1 ]", "[*]", "[]", "[-11]", "[x]")
        + dice.one(*[""] * 5, ".x", ".tag", ".q", ". y", ".")
    ),
    "fmt": lambda dice: dice.one("a", "$ru", "$avp(a)x$fU", "", "$$", "$(ru{s.len})", "$hdr(X-None)"),
    "hname": _header_name,
    "htxt": _digits,
    "list": _listing,
    "mkey": lambda dice: dice.one("", "a", "sip", "\r\n", "SIP", word(dice), "\xe9", dice.slice_of(), dice.word_of()),
    "nb": _body,
    "nc": _of(*_TYPES),
    "nparam": _param_name,
    "match": lambda dice: dice.one(
        "*", "a*", "?", "[a-c]*", dice.word_of(), dice.word_of()[:2] + "*", "*" + dice.word_of()[1:], "["
    ),
    "obuf": lambda dice: dice.message_with(dice.slice_of(), dice.of(_TEXTS)),
    "op": _of(*_WORDS),
    "opv": _of(*_VARIABLES),
    "param": lambda dice: dice.one("", "x", "x=1", "lr", params(dice)),
    "privacy": _of(*_PRIVACY),
    "pvname": _of(*_VARIABLES),
    "regex": _expression,
    "rmode": _of("f", "a", "F", "", "x"),
    "shname1": _header_name,
    "shname2": _header_name,
    "sparam": _param_name,
    "sre": _expression,
    "subex": _substitution,
    "subst": _substitution,
    "suri": lambda dice: dice.one(uri(dice), uri(dice), address(dice), word(dice)),
    "svalue": lambda dice: dice.one("", "udp", "1", "phone", dice.pair_of()[1], number(dice)),
    "tval": _tests,
    "uri1": uri,
    "uri2": uri,
    "vname": _of("a", "b", "c", "x"),
    "vsep": _of(*_SEPARATORS),
}
"""What makes a text, by the name of the parameter; any other gets any text."""


def _argument(dice: OfMessage, parameter: Parameter) -> str | int:
    if parameter.name == "code":
        return dice.one(dice.randrange(90, 710), 404, 486, 200, 180)
    if parameter.kind != "str":
        return dice.randrange(4) if dice.maybe(0.5) else dice.of(_INTS)
    text = _MAKERS.get(parameter.name, _text)(dice)
    if dice.maybe(0.03):
        text = dice.one(text + dice.of(MARKS), _text(dice), text.upper(), number(dice), dice.of(NUMBERS))
    return text.replace("\0", "")


@lru_cache(maxsize=1)
def compared() -> list[Function]:
    """The functions that the installed Kamailio and the embedded host both have, and that are called here."""
    return [
        function
        for function in functions.read(version())
        if function.module in _COMPARED and function.full_name in FUNCTIONS and function.full_name not in _LEFT_OUT
    ]


def call(dice: OfMessage, function: Function) -> Step:
    """One call, with odd or plausible arguments."""
    arguments = [_argument(dice, parameter) for parameter in function.parameters]
    if function.name in {"uri_param", "uri_param_value"} and dice.maybe(0.5):
        arguments[:] = dice.uri_pair_of()[: len(arguments)]
    if function.name.endswith("_hex"):
        arguments[0] = _digits(dice)
    if "hf_value" in function.name and dice.maybe(0.5):
        arguments[0] = dice.one("X-A", "X-A", "X-B", arguments[0])
        arguments[1:] = [dice.one("one", "two", "TWO", "two;X=1;x", "$rU", "x", "y=2")][: len(arguments) - 1]
    if function.name == "regex_substring" and dice.maybe(0.8):
        arguments[2:4] = dice.randrange(3), dice.randrange(1, 5)
    if len(arguments) > 1 and dice.maybe(0.15) and len({parameter.kind for parameter in function.parameters}) == 1:
        arguments[1] = arguments[0]  # what compares two should find some alike
    return (KSR, function.full_name, *arguments)


def case(seed: int, number_: int) -> Case:
    """Case number n of a seed, as ``steps.case``."""
    dice, made = OfMessage(f"ksr:{seed}:{number_}"), list[Step]()
    # Half of them call functions that see what the others did.
    theme = dice.of(_THEMES) if dice.maybe(0.5) else ""
    known = [function for function in compared() if function.full_name.startswith(theme)]
    count = dice.randrange(8, 30)
    while len(made) < count:
        chance = dice.random()
        if chance < 0.85:
            made.append(call(dice, dice.of(known)))
        elif chance < 0.92:
            made.append(("PV.GetS", dice.of(_READS)))
        elif chance < 0.95:
            made.append(
                ("PV.SetS", dice.one("$avp(a)", "$xavp(a=>b)", "$xavi(a)", "$xavu(a=>b)", "$var(a)"), word(dice))
            )
        else:
            made.append((KSR, "textopsx.msg_apply_changes"))
    return Case(dice.message, tuple(made), dice.of(MODES), dice.one("main", "main", "main", "alt"))


def cases(seed: int, first: int = 0) -> Iterator[Case]:
    """All cases of a seed from that number on."""
    number_ = first
    while True:
        yield case(seed, number_)
        number_ += 1
