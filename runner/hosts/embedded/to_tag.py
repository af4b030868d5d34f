"""
The To tag of a stateless reply, as Kamailio's sl module makes it: the same for each retransmission.

Must not know replies: a message and the first socket in, text out.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from runner.sip.via import first_via

if TYPE_CHECKING:
    from .context import Context

_SIGNATURE = b"KAMAILIO-stateless"
_POLYNOMIAL = 0x8408  # core/crc.c, ccitt_tab


def stateless_tag(context: Context) -> bytes:
    """
    What ``$ltt(s)`` shows (core/tags.h, init_tags and calc_crc_suffix); without a Via its second half is NULs.

    The first half stands for the server's first socket, the second for the topmost Via and the Call-ID.
    """
    first = (context.environment.sockets or (context.socket,))[0].address
    server = md5(_SIGNATURE + first.ip.encode() + b"%d" % first.port, usedforsecurity=False).hexdigest()
    via = first_via(context.message)
    if via is None:
        return f"{server}.".encode() + bytes(8)  # the buffer is as it was, in a fresh process empty
    branch = via.param(b"branch")
    call_id = context.header(b"call-id")
    # crcitt_string_array stops at the first text that is missing, for example the port.
    host, port = via.host or None, via.port or None
    head = [host, port, None if branch is None else branch.value]
    tail = [port, host, None if call_id is None else call_id.body]
    return f"{server}.".encode() + _checksum(head) + _checksum(tail)


def _checksum(texts: list[bytes | None]) -> bytes:
    """CRC-16/X-25 of the texts up to the first None: four hexadecimal digits, the lowest first."""
    crc = 0xFFFF
    for text in texts:
        if text is None:
            break
        for byte in text:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    # core/ut.h, int2reverse_hex writes the lowest digit first.
    return (b"%04x" % (~crc & 0xFFFF))[::-1]
