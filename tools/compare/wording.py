"""The small pieces of SIP in odd but plausible shapes: white space, quotes, parameters, hosts, URIs, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.compare.dice import Dice

WORDS = ("a", "b", "alice", "bob", "1", "007", "x-y", "A_b", "+420123", "lr", "tag", "q", "*", "user", "z9hG4bK")
WILD_WORDS = ("+1555;npdi;rn=+1999", "123;phone-context=+49", "alice%40home", "*21#", "a.b+c", "urn:uuid:57d4f3b5-3a9e", "203.0.113.7~5060~2",
              "z9hG4bK.8JQ~", "9d6.2a41", "a@b", "INVITE,BYE", "c3RhdGU=", "AKAv1-MD5", "0.30", "on", "yes")  # fmt: skip
"""Tokens, or nearly, that vendors put into users, parameters and identifiers."""
NUMBERS = ("0", "1", "5", "00", "007", "60", "70", "255", "3600", "65535", "65536", "2147483647", "2147483648",
           "4294967295", "4294967296", "99999999999", "-1", "+1", "1.5", "0.5", "1e3", "0x10", "", "abc", "1a", '"5"',
           "5 ", "12345678901234567890123")  # fmt: skip
BYTES = ("\xc3\xa9", "\xe9", "\xff", "\x80", "\xf0\x9d\x84\x9e", "\0", "\x7f", "\x01", "\xc3\xa9l\xc3\xa8ve")
ESCAPES = ("%41", "%00", "%", "%4", "%zz", "%3b", "%40", "%2541")
_IN_QUOTES = (
    " ",
    ",",
    ";",
    "<",
    ">",
    "@",
    ":",
    '\\"',
    "\\\\",
    "\\a",
    "\r\n ",
    "(",
    ")",
    "'",
    "\\",
    "\t",
    "sip:q@q",
    "?",
    "=",
)
LENGTHS = (16, 64, 127, 128, 255, 256, 511, 512, 1000, 1023, 1024, 1025, 2048, 4095, 4096, 8191, 8192, 8193, 16_384)
MARKS = tuple(";,?&=@:<>\"'()[]{}\\/*!#$ \t%")


def lws(dice: Dice, chance: float = 0.15) -> str:
    """White space where it is allowed: mostly none."""
    if dice.random() >= chance:
        return ""
    return dice.one(" ", " ", "  ", "\t", " \t ", "\r\n ", "\r\n\t", " \r\n  ")


def word(dice: Dice) -> str:
    """A token; rarely with what no token has."""
    text = dice.of(WORDS)
    if dice.maybe(0.06):
        text += dice.of(MARKS) + dice.of(WORDS)
    if dice.maybe(0.03):
        text += dice.of(BYTES)
    return dice.of(WILD_WORDS) if dice.maybe(0.04) else text


def number(dice: Dice) -> str:
    """Often a plain one."""
    return str(dice.randrange(100)) if dice.maybe(0.4) else dice.of(NUMBERS)


def quoted(dice: Dice) -> str:
    """A quoted string, with escapes, commas and brackets in it; sometimes it does not close."""
    inside = "".join(word(dice) if dice.maybe(0.5) else dice.of(_IN_QUOTES) for _ in range(dice.randrange(5)))
    return dice.one(*['"' + inside + '"'] * 12, '"' + inside, inside + '"', "'" + inside + "'")


def comment(dice: Dice) -> str:
    """In parentheses, sometimes nested or open."""
    return dice.one("(a comment)", "(a, b)", "()", "(a (b) c)", "(a", "(a\\)b)", "a)", '("q")')


def params(dice: Dice, names: tuple[str, ...] = (), most: int = 4) -> str:
    """Parameters with, without and with empty values, quoted, repeated, with odd separators."""

    def one(dice: Dice) -> str:
        name = dice.of(names) if names and dice.maybe(0.8) else word(dice)
        if dice.maybe(0.1):
            name = dice.one(name.encode("latin-1").upper().decode("latin-1"), name[:1].upper() + name[1:])
        value = dice.one("", "=", "=" + word(dice), "=" + word(dice), "=" + number(dice), "=" + quoted(dice),
                         "=" + host(dice), "==" + word(dice))  # fmt: skip
        if "=" in value:
            value = lws(dice, 0.08) + "=" + lws(dice, 0.08) + value[1:]
        return lws(dice, 0.1) + dice.one(*[";"] * 12, ";;", ",", "; ;") + lws(dice, 0.1) + name + value

    return "".join(dice.some(most, one)) + dice.maybe(0.02, ";")


def host(dice: Dice) -> str:
    """A name or an address."""
    return dice.one("a.example", "example.com", "192.0.2.1", "127.0.0.1", "[2001:db8::1]", "[::1]", "localhost",
                    "A.Example", "a-b.example", "a_b.example", "2001:db8::1", "[2001:db8::1", "1.2.3", "256.1.1.1", "[fe80::1%25eth0]", "x7k.invalid", "1..2.",
                    "", "a..example", "a.example.", "[::ffff:192.0.2.1]")  # fmt: skip


def port(dice: Dice) -> str:
    """With its colon, or nothing."""
    if dice.maybe(0.5):
        return ""
    return dice.one(":5060", ":5061", ":5080", ":1", ":0", ":65535", ":65536", ":", ":abc", ":05060", ":99999", ":-1",
                    ": 5060", ":5060 ", "::5060")  # fmt: skip


_URI_PARAMS = ("lr", "transport", "user", "maddr", "ttl", "method", "r2", "gr", "ob", "comp", "x", "rn", "npdi",
               "phone-context", "isub", "cic", "alias", "line", "rinstance", "tgrp", "trunk-context", "cause", "r2")  # fmt: skip
_TRANSPORTS = ("udp", "tcp", "tls", "sctp", "ws", "wss", "UDP", "Tcp", "", "abc", "tlsx", "udp2")


def _uri_params(dice: Dice) -> str:
    def one(dice: Dice) -> str:
        if dice.maybe(0.3):
            return (
                ";"
                + dice.one("transport", "TRANSPORT", "Transport")
                + dice.one("=", "=", "=", "")
                + dice.of(_TRANSPORTS)
            )
        if dice.maybe(0.2):
            return dice.one(";lr", ";lr=on", ";LR", ";lr=", ";user=phone", ";user=Phone", ";user=ip", ";user=")
        name = dice.of(_URI_PARAMS)
        return (
            dice.one(*[";"] * 10, ";;")
            + name
            + dice.one("", "=", "=" + word(dice), "=" + dice.of(ESCAPES), "=" + number(dice))
        )

    return "".join(dice.some(4, one))


def uri(dice: Dice) -> str:
    """Mostly a SIP URI."""
    choice = dice.random()
    if choice < 0.12:
        return dice.one("tel:", "TEL:", "tels:") + dice.one("+420-123.456", "123", "+1(23)4", "*21#", "", "abc", "+1 2") + \
            dice.one("", ";phone-context=+1", ";phone-context=a.example", ";ext=1;isub=2", "@a.example", ";x")  # fmt: skip
    if choice < 0.2:
        return dice.one("urn:service:sos", "urn:a:b:c", "URN:x", "urn:", "http://a.example/x?y=1", "mailto:a@b.example",
                        "sip", "sip:", "sips:", "notauri", ":", "*", "<>", "", "im:a@b.example", "pres:a", "cid:1")  # fmt: skip
    scheme = dice.one(*["sip:"] * 14, "sips:", "sips:", "SIP:", "Sip:", "sIpS:", "sip :", "sip: ")
    user = ""
    if not dice.maybe(0.15):
        user = word(dice) + dice.maybe(0.1, dice.of(ESCAPES)) + dice.maybe(0.06, ";" + word(dice) + "=" + word(dice))
        user += dice.maybe(0.1, ":" + dice.one("", "pw", "p:w", "p%20w")) + dice.one(*["@"] * 20, "@@", "%40")
    headers = dice.maybe(0.1, "?" + dice.one("a=b", "Subject=x&b=c", "", "a", "=", "?", "a=b;c=d", "body=%0d%0a",
                                           "Replaces=1%40a%3Bto-tag%3D2&Require=replaces", "Reason=SIP%3Bcause%3D302"))  # fmt: skip
    text = scheme + user + host(dice) + port(dice) + _uri_params(dice) + headers
    if dice.maybe(0.02):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.of(MARKS + BYTES) + text[at:]
    if dice.maybe(0.004):
        text = (
            scheme + "u" * dice.one(200, 900, 1005, 1009, 1010, 1011, 1030, 2000) + dice.one("@a.example", "", ";x=y")
        )
    return text


def address(dice: Dice, names: tuple[str, ...] = ()) -> str:
    """A name-addr or addr-spec with parameters."""
    name = dice.one("", "", quoted(dice), quoted(dice), bare(dice), bare(dice))
    bracketed = bool(name) or not dice.maybe(0.3)
    if not bracketed:
        return lws(dice) + uri(dice) + params(dice, names)
    opening, closing = dice.one(
        *[("<", ">")] * 30, ("<", ""), ("", ">"), ("<<", ">>"), ("<", ">>"), ("< ", " >"), ("<", "\r\n >")
    )
    return (
        name + lws(dice, 0.5 if name else 0.1) + opening + uri(dice) + closing + lws(dice, 0.05) + params(dice, names)
    )


def bare(dice: Dice) -> str:
    """A display name without quotes, as it is allowed and as it is not."""
    return dice.one("Alice", "Alice B", "Bond, James", "a.b", "O'Hara", "A\tB", "A  B", "A\r\n B", "A;B", "A@B", "A:B",
                    "\xc3\x89l\xc3\xa8ve", "\xe9", 'A "q" B', '"q" A', "A(c)", "*", "=", "A\\B")  # fmt: skip


def listed(dice: Dice, item: list[str]) -> str:
    """Items with commas between."""
    text = ""
    for number_, one in enumerate(item):
        text += (lws(dice, 0.1) + dice.one(*[","] * 15, ",,", ", ,", ";") + lws(dice, 0.5) if number_ else "") + one
    return text + dice.maybe(0.03, ",")
