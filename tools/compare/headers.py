"""Header bodies in odd but plausible shapes, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.compare.wording import LENGTHS, address, comment, host, listed, lws, number, params, port, quoted, uri, word

if TYPE_CHECKING:
    from tools.compare.dice import Dice

Maker = Callable[["Dice"], str]


def _addresses(names: tuple[str, ...], most: int = 3) -> Maker:
    def make(dice: Dice) -> str:
        return listed(dice, [address(dice, names) for _ in range(1 + int(dice.random() * dice.random() * most))])

    return make


def _contact(dice: Dice) -> str:
    if dice.maybe(0.15):
        return f"<{uri(dice)}>" + "".join(dice.some(5, lambda dice: ";" + dice.of(_FEATURES)))
    if dice.maybe(0.05):
        return dice.one("*", " *", "* ", "*;q=1", "*,*", "**", "", " ", ",", "<>", "<*>")
    return _addresses(("expires", "q", "methods", "+sip.instance", "reg-id", "received", "x", "pub-gruu"))(dice)


_FEATURES = ('+sip.instance="<urn:uuid:d6ac4cc1-85a7-4a67>"', "reg-id=1", "expires=0", "expires=600000", "q=0.7", "q=1.0", 'methods="INVITE, BYE"',
             'methods="INVITE,ACK,MESSAGE,X"', '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service"', "audio", 'mobility="fixed"', "+sip.ice", "ob",
             'received="sip:192.0.2.1:5060;transport=tcp"', 'pub-gruu="sip:a@b;gr=x"', "expires=3600;expires=5")  # fmt: skip


def _route(dice: Dice) -> str:
    if dice.maybe(0.5):

        def one(dice: Dice) -> str:
            return f"<{uri(dice)}{dice.one(';lr', ';lr=on', '', ';lr;r2=on', ';lr;ftag=a;x=1')}>{params(dice, most=2)}"

        return listed(dice, [one(dice) for _ in range(1 + dice.randrange(3))])
    return _addresses(("lr", "r2", "ftag"))(dice)


def _party(dice: Dice) -> str:
    return address(dice, ("tag", "tag", "x", "method")) + dice.one(
        "", "", ";tag=a", ";tag=", ";tag", ';tag="a"', ";tag=a;tag=b"
    )


def _diversion(dice: Dice) -> str:
    return _addresses(("reason", "privacy", "counter", "limit", "screen", "extension"))(dice)


def via_body(dice: Dice) -> str:
    """One or more Via bodies."""

    def one(dice: Dice) -> str:
        proto = dice.one(
            *["SIP/2.0/"] * 15, "sip/2.0/", "SIP / 2.0 / ", "SIP/3.0/", "SIP\r\n /2.0/", "HTTP/2.0/", "SIP/2.0 /"
        )
        transport = dice.one(*["UDP"] * 8, "TCP", "TLS", "SCTP", "WS", "WSS", "udp", "Tcp", "ABC", "TLS-SCTP", "")
        where = dice.one(
            "127.0.0.1:5160", "127.0.0.1:5190", host(dice) + port(dice), host(dice) + lws(dice) + port(dice)
        )
        names = ("branch", "branch", "rport", "received", "maddr", "ttl", "i", "alias", "x", "keep", "hidden")
        extra = dice.maybe(0.08, " " + comment(dice))
        return f"{proto}{transport}{dice.one(' ', ' ', ' ', '  ', chr(9), chr(13) + chr(10) + ' ')}{where}{params(dice, names)}{extra}"

    return listed(dice, [one(dice) for _ in range(1 + int(dice.random() * dice.random() * 3))])


def _credentials(dice: Dice) -> str:
    def one(dice: Dice) -> str:
        name = dice.one(
            "username", "realm", "nonce", "uri", "response", "cnonce", "nc", "opaque", "qop", "algorithm", "domain", "x"
        )
        value = dice.one(quoted(dice), quoted(dice), f'"{word(dice)}"', word(dice), "", number(dice), '"u@a.example"',
                         '"sip:u@a.example"', '"auth"', "auth", "auth-int", "MD5", "MD5-sess", "SHA-256", "00000001", '""')  # fmt: skip
        return (
            dice.one(name, name, name, name.upper(), name.capitalize())
            + lws(dice, 0.1)
            + dice.one(*["="] * 20, "", "==")
            + lws(dice, 0.1)
            + value
        )

    usual = ['username="u"', 'realm="a.example"', 'nonce="n"', 'uri="sip:a.example"', 'response="r"']
    if dice.maybe(0.3):
        usual.pop(dice.randrange(len(usual)))
    parts = (
        usual + [one(dice) for _ in range(dice.randrange(4))]
        if dice.maybe(0.7)
        else [one(dice) for _ in range(dice.randrange(8))]
    )
    if dice.maybe(0.5):
        dice.shuffle(parts)
    return dice.one(
        *["Digest "] * 12, "digest ", "DIGEST\t", "Digest", "Digest  ", "Basic ", "Digest\r\n ", "", " Digest "
    ) + listed(dice, parts)


def _expires(dice: Dice) -> str:
    return dice.one("", " ") + number(dice) + dice.one("", "", " ", "\t", ";x", " (c)")


def _cseq(dice: Dice) -> str:
    return (
        number(dice)
        + dice.one(" ", " ", " ", "  ", "\t", "", "\r\n ")
        + dice.one("INVITE", "REGISTER", "OPTIONS", "ACK", "X", "invite", "")
    )


def _tokens(*names: str) -> Maker:
    def make(dice: Dice) -> str:
        return listed(dice, [dice.of(names) if dice.maybe(0.8) else word(dice) for _ in range(dice.randrange(5))])

    return make


def _text(dice: Dice) -> str:
    return dice.one("plain text", "", " ", "a,b, c", "a;b=c", '"q, r" s', "a\r\n b", "\xc3\xa9t\xc3\xa9", "caf\xe9", "a\tb",
                    "1", "007", "<sip:a@b.example>", "a:b", "x" * 300, "a\0b", "(c) d", "50%", "$ru", "a\rb", "a\nb", "\\")  # fmt: skip


def _long(dice: Dice) -> str:
    length = dice.of(LENGTHS) if dice.maybe(0.95) else dice.one(32_767, 32_768, 60_000)
    return dice.one("x", "1", ",", ";a=", "\xe9", '\\"', " ", "a, ", "%41")[:1] * length


def _parameterised(*heads: str) -> Maker:
    return lambda dice: dice.of(heads) + params(dice)


HEADERS: dict[str, Maker] = {
    "Contact": _contact, "Route": _route, "Record-Route": _route, "Path": _route, "From": _party, "To": _party,
    "P-Asserted-Identity": _addresses(()), "P-Preferred-Identity": _addresses(()), "Diversion": _diversion,
    "Remote-Party-ID": _addresses(("party", "screen", "privacy")), "Refer-To": _addresses(("method",), 1),
    "Referred-By": _addresses((), 1), "Reply-To": _addresses((), 1), "Via": via_body,
    "Authorization": _credentials, "Proxy-Authorization": _credentials,
    "Expires": _expires, "Min-Expires": _expires, "Max-Forwards": _expires, "Session-Expires": _expires, "Min-SE": _expires,
    "CSeq": _cseq, "Call-ID": lambda dice: dice.one("a", "a@b", "", "a b", '"a"', "<a>", "a;b", "x" * 300),
    "Supported": _tokens("100rel", "timer", "path", "gruu", "outbound", "replaces", "eventlist"),
    "Require": _tokens("100rel", "timer", "path"), "Proxy-Require": _tokens("sec-agree", "privacy"),
    "Unsupported": _tokens("100rel"), "Allow": _tokens("INVITE", "ACK", "BYE", "OPTIONS", "invite", "X"),
    "Allow-Events": _tokens("presence", "dialog", "reg"), "Accept": _tokens("application/sdp", "text/*", "*/*", "a/b;q=1"),
    "Accept-Language": _tokens("en", "cs;q=0.5"), "Content-Encoding": _tokens("gzip"),
    "Content-Type": _parameterised("application/sdp", "text/plain", "multipart/mixed", "message/sipfrag", "application", "a/b", "/", "APPLICATION/SDP", "*/*"),
    "Content-Disposition": _parameterised("session", "render", ""), "Event": _parameterised("presence", "dialog", "reg", "a.b", ""),
    "Subscription-State": _parameterised("active", "terminated"), "Privacy": _tokens("id", "none", "header", "id;user"),
    "P-Charging-Vector": _parameterised("icid-value=1", 'icid-value="a b";icid-generated-at=192.0.2.1;orig-ioi=a;term-ioi=b', "icid-value", ""),
    "Identity": lambda dice: quoted(dice) + params(dice), "Identity-Info": lambda dice: f"<{uri(dice)}>" + params(dice),
    "RAck": lambda dice: f"{number(dice)} {number(dice)} INVITE", "RSeq": number,
    "Reason": _parameterised("SIP;cause=200", "Q.850", 'Q.850;cause=16;text="Normal, clearing"'), "Retry-After": lambda dice: number(dice) + dice.maybe(0.3, comment(dice)),
    "Service-Route": _route, "History-Info": _addresses(("index", "mp", "cause")), "P-Called-Party-ID": _addresses((), 1),
    "Replaces": _parameterised("1@a;to-tag=2;from-tag=3", "x"), "Target-Dialog": _parameterised("a@b"),
    "P-Visited-Network-ID": _text, "Security-Client": _parameterised("ipsec-3gpp", "tls;q=0.2, ipsec-3gpp"),
    "Accept-Contact": _parameterised("*", '*;+g.3gpp.icsi-ref="urn%3Aurn-7"'), "Call-Info": _addresses(("answer-after", "purpose")),
    "Alert-Info": _addresses(("info", "delay")), "User-to-User": _parameterised("56a390f3", "00"), "Recv-Info": _tokens("dtmf", "foo"),
    "Server": _text, "User-Agent": _text, "Subject": _text, "Organization": _text, "Priority": _text, "Date": _text,
    "SIP-If-Match": _text, "In-Reply-To": _text, "Timestamp": number, "Warning": lambda dice: f"{number(dice)} a {quoted(dice)}",
    "X-Custom": _text, "X-Long": _long, "X-List": _addresses(()), "P-Access-Network-Info": _text,
}  # fmt: skip
"""What makes a body for each name."""

COMPACT = {
    "Contact": "m", "From": "f", "To": "t", "Via": "v", "Call-ID": "i", "Content-Length": "l", "Content-Type": "c",
    "Subject": "s", "Supported": "k", "Session-Expires": "x", "Refer-To": "r", "Referred-By": "b", "Event": "o",
    "Content-Encoding": "e", "Allow-Events": "u",
}  # fmt: skip
HEADER_NAMES = (*HEADERS, *COMPACT.values(), "Content-Length", "l", "X-None", "x-custom", "CONTACT", "call-id")


def line(dice: Dice, name: str, body: str) -> str:
    """A header line, its name in any form, rarely one that does not parse."""
    form = name
    if dice.maybe(0.1):
        form = COMPACT.get(name, name)
    if dice.maybe(0.08):
        form = dice.one(form.upper(), form.lower(), form.swapcase())
    colon = dice.one(*[": "] * 16, ":", " : ", ":\t", "\t:", ":  ", ":\r\n ", " :")
    if dice.maybe(0.003):
        colon = dice.one("", " ", "\r\n : ", "=", "::")
    if dice.maybe(0.01):
        body = dice.one(body + _long(dice), _long(dice), body * dice.one(2, 20, 50))
    end = dice.one("\n", "\r") if dice.maybe(0.004) else "\r\n"
    return form + colon + body + dice.maybe(0.03, dice.one(" ", "\t", "\r\n ")) + end
