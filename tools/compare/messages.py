"""Whole messages: made of odd headers, or real ones with a few odd changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sip import torture
from tools.compare.headers import HEADERS, line, via_body
from tools.compare.shrink import lines
from tools.compare.wording import BYTES, MARKS, NUMBERS, address, number, uri, word

if TYPE_CHECKING:
    from tools.compare.dice import Dice

EXAMPLES = Path(__file__).parents[2] / "examples" / "messages"
WILD = Path(__file__).parent / "wild"
"""What telephones, browsers, IMS cores and session border controllers send: a file each, CRLF at the end of lines."""
METHODS = ("INVITE", "REGISTER", "OPTIONS", "ACK", "BYE", "CANCEL", "SUBSCRIBE", "NOTIFY", "MESSAGE", "INFO", "PRACK",
           "UPDATE", "REFER", "PUBLISH", "X", "invite", "KDMQ", "GET")  # fmt: skip
STATUSES = (("100", "Trying"), ("180", "Ringing"), ("200", "OK"), ("302", "Moved Temporarily"), ("404", "Not Found"),
            ("486", "Busy Here"), ("503", ""), ("699", "x"), ("000", "x"), ("99", "x"), ("1000", "x"), ("2a0", "x"))  # fmt: skip
SDP = (
    "v=0\r\no=a 1 6 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=sendrecv\r\nm=video 6 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n"
)


WEB_SDP = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS \r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-options:trickle\r\na=mid:0\r\n"
    "a=recvonly\r\na=rtpmap:111 opus/48000/2\r\na=candidate:1 1 udp 2122260223 192.0.2.1 46243 typ host\r\n"
    "m=image 0 udptl t38\r\nb=AS:25.4\r\na=maxptime:20\r\na=T38FaxVersion:0\r\na=path:msrp://a:1/b;tcp\r\n"
)


def _sdp(dice: Dice) -> str:
    parts = dice.one(SDP, SDP, WEB_SDP).splitlines(keepends=True)
    for _ in range(int(dice.random() * dice.random() * 5)):
        at = dice.randrange(len(parts))
        match dice.randrange(5):
            case 0:
                parts.pop(at)
            case 1:
                parts.insert(
                    at,
                    dice.one(
                        "a=x\r\n",
                        "m=\r\n",
                        "c=IN IP4 0.0.0.0\r\n",
                        "a=sendonly\r\n",
                        "a=candidate:1\r\n",
                        "\r\n",
                        "b=AS:1\r\n",
                        "x\r\n",
                    ),
                )
            case 2:
                parts[at] = parts[at].replace("\r\n", "\n")
            case 3:
                parts[at] = dice.one("  ", "", "\t").join(parts[at].rsplit(" ", dice.one(1, 9)))
            case _:
                parts[at] = parts[at][: dice.randrange(len(parts[at]) + 1)]
        parts = parts or [""]
    return "".join(parts)


def _body(dice: Dice) -> tuple[str, str]:
    """A Content-Type line, or none, and the body."""
    match dice.randrange(8):
        case 0 | 1 | 2:
            return line(
                dice,
                "Content-Type",
                dice.one("application/sdp", "application/sdp", "APPLICATION/SDP;x=1", "text/plain"),
            ), _sdp(dice)
        case 3:
            edge = dice.one("b", "b c", "")
            given = dice.one(
                f";boundary={edge}", f';boundary="{edge}"', "", ";boundary=", ";x=1;boundary=b", ";Boundary=b"
            )
            inner = f"--{edge}\r\nContent-Type: application/sdp\r\n\r\n{_sdp(dice)}\r\n--{edge}\r\nContent-Type: text/plain\r\n\r\nhi\r\n--{edge}--\r\n"
            return line(dice, "Content-Type", "multipart/mixed" + given), inner[
                : dice.one(len(inner), len(inner), dice.randrange(len(inner)))
            ]
        case 4:
            return line(dice, "Content-Type", "text/plain"), dice.one(
                "hi", "a\r\nb\r\n", "\xe9", "a\0b", "\n\n", "x" * 100
            )
        case 5:
            return "", dice.one("hi", _sdp(dice))
    return "", ""


def _length(dice: Dice, body: str) -> str:
    if dice.maybe(0.85):
        return line(dice, "Content-Length", str(len(body)))
    bad = dice.one(
        *NUMBERS, str(len(body) + 5), str(max(0, len(body) - 1)), f"0{len(body)}", f"{len(body)} ", f"{len(body)};x"
    )
    return dice.one("", line(dice, "Content-Length", bad), line(dice, "Content-Length", bad),
                    line(dice, "Content-Length", str(len(body))) + line(dice, "Content-Length", bad))  # fmt: skip


def _start_line(dice: Dice, method: str, *, is_reply: bool) -> str:
    if is_reply:
        code, reason = dice.of(STATUSES)
        start = f"SIP/2.0 {code}{dice.one(*[' '] * 10, '', '  ')}{reason}"
    else:
        start = f"{method} {uri(dice)} SIP/2.0"
    if dice.maybe(0.02):
        start = dice.one(start + " ", start + "\t", start.replace(" ", "  "), start.replace(" ", "\t"), start.replace("SIP/2.0", "sip/2.0"),
                         start.replace("2.0", "2.1"), start.replace("SIP/2.0", "HTTP/1.1"), " " + start, start.replace(" SIP/2.0", ""))  # fmt: skip
    return (
        dice.maybe(0.02, dice.one("\r\n", "\r\n\r\n", "\n", "\0", " "))
        + start
        + ("\n" if dice.maybe(0.005) else "\r\n")
    )


def made(dice: Dice) -> str:
    """A message of odd headers; the mandatory ones are odd less often, so that most reach a script."""
    method = dice.of(METHODS) if dice.maybe(0.5) else dice.one("INVITE", "OPTIONS", "REGISTER")
    is_reply = bool(dice.maybe(0.15))
    via = "SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa" + dice.one(
        ";rport", ";rport", ";rport=", "", ";rport=1", ";received=192.0.2.9"
    )
    vias = [line(dice, "Via", via if dice.maybe(0.85) else via_body(dice))]
    if is_reply:
        vias.append(
            line(dice, "Via", "SIP/2.0/UDP 127.0.0.1:5190;branch=z9hG4bKb" if dice.maybe(0.8) else via_body(dice))
        )
    usual = [
        *vias,
        line(dice, "From", "<sip:a@a.example>;tag=a" if dice.maybe(0.7) else HEADERS["From"](dice)),
        line(
            dice,
            "To",
            dice.one("<sip:b@b.example>", "<sip:b@b.example>;tag=b") if dice.maybe(0.7) else HEADERS["To"](dice),
        ),
        line(dice, "Call-ID", "c@a.example" if dice.maybe(0.9) else HEADERS["Call-ID"](dice)),
        line(
            dice,
            "CSeq",
            f"{number(dice) if dice.maybe(0.1) else '1'} {method}" if dice.maybe(0.95) else HEADERS["CSeq"](dice),
        ),
    ]
    names = dice.choices(tuple(HEADERS), k=1 + dice.randrange(7))
    odd = [line(dice, name, HEADERS[name](dice)) for name in names]
    if dice.maybe(0.3):
        odd.append(line(dice, names[0], HEADERS[names[0]](dice)))
    if dice.maybe(0.01):
        odd.append(
            dice.one(
                "no header\r\n",
                ": x\r\n",
                "!: x\r\n",
                "a b: x\r\n",
                "X(c): y\r\n",
                "\xe9: x\r\n",
                "X.y_z: 1\r\n",
                "x:\r\n",
                "*\r\n",
            )
        )
    if dice.maybe(0.9):
        odd.append(line(dice, "Max-Forwards", "70"))
    headers = usual + odd
    if dice.maybe(0.4):
        dice.shuffle(headers)
    kind, body = _body(dice)
    tail = [kind, _length(dice, body)]
    return (
        _start_line(dice, method, is_reply=is_reply)
        + "".join([*headers, *tail])
        + dice.one(*["\r\n"] * 40, "\n", "")
        + body
    )


def _sources() -> list[str]:
    found = [
        path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in sorted(EXAMPLES.glob("*.sip"))
    ]
    found += [path.read_bytes() for path in sorted(WILD.glob("*.sip"))]
    found += [*torture.GOOD.values(), *(data for data, _ in torture.BAD.values())]
    return [data.decode("latin-1") for data in found]


SOURCES = _sources()


def mutated(dice: Dice) -> str:
    """A real message with a few changes."""
    text = dice.of(SOURCES)
    for _ in range(dice.randrange(4)):
        head, rest = lines(text.encode("latin-1"))
        parts = [part.decode("latin-1") for part in head]
        at = dice.randrange(len(parts))
        match dice.randrange(8):
            case 0 if at:
                parts.pop(at)
            case 1:
                parts.insert(dice.randrange(len(parts)) + 1, parts[at] if at else "X-A: 1\r\n")
            case 2:
                parts[at] = _changed(dice, parts[at])
            case 3:
                name = dice.of(tuple(HEADERS))
                parts.insert(dice.randrange(len(parts)) + 1, line(dice, name, HEADERS[name](dice)))
            case 4:
                name = parts[at].partition(":")[0].strip()
                if at and name in HEADERS:
                    parts[at] = line(dice, name, HEADERS[name](dice))
            case 5:
                found = re.sub(r"sips?:[^;>\s]+", lambda _: uri(dice), parts[at], count=1)
                parts[at] = found
            case 6:
                parts[at] = re.sub(
                    r"=[^;,\s>]*", lambda _: "=" + dice.one(word(dice), number(dice)), parts[at], count=1
                )
            case _:
                rest = b"\r\n" + _body(dice)[1].encode("latin-1")
        text = "".join(parts) + rest.decode("latin-1")
    return text


def _changed(dice: Dice, part: str) -> str:
    at = dice.randrange(len(part))
    match dice.randrange(5):
        case 0:
            return part[:at] + part[at + 1 :]
        case 1:
            return part[:at] + dice.of(MARKS + BYTES) + part[at:]
        case 2:
            return part[:at] + dice.one(address(dice), word(dice), "\r\n ") + part[at:]
        case 3:
            end = min(len(part), at + dice.randrange(10))
            return part[:end] + part[at:end] + part[end:]
    return part[:at] + part[at : at + 5].encode("latin-1").swapcase().decode("latin-1") + part[at + 5 :]


def message(dice: Dice) -> bytes:
    """One message, as bytes."""
    return (made(dice) if dice.maybe(0.75) else mutated(dice)).encode("latin-1")[:65_000]
