"""
IP addresses in text, as Kamailio reads them: a host that is none is a name.

Follows core/resolve.c (str2ipbuf, str2ip6buf), which counts dots and colons but no digits: ``6...`` is 6.0.0.0, and of
a number that is too large the lower bits count.
"""

from __future__ import annotations

import re
import string

_NUMBERS = 4
_WORDS = 8
_HEX = frozenset(string.hexdigits.encode())
_LAST_DECIMALS, _LAST_HEX = 8, 4  # what is in front of them is a multiple of 256, and of 65536


def parse_ip(host: bytes) -> bytes | None:
    """The 4 or 16 bytes of an address, of which one of IPv6 may stand in brackets; None for a name."""
    return _parse_ip4(host) or _parse_ip6(host)


def ip_version(host: bytes) -> int:
    """4 or 6 for an address, 0 for a name."""
    address = parse_ip(host)
    return 0 if address is None else 4 if len(address) == _NUMBERS else 6


def is_number(host: bytes) -> bool:
    """
    Whether the resolver of the C library takes the host for an address of IPv4 and asks nobody: ``127.1``, ``010``.

    glibc, nss/digits_dots.c: digits and dots alone, not a dot at the end, numbers as of inet_aton.
    """
    if len(host) >= _MOST_OF_A_NAME or _DIGITS_AND_DOTS.fullmatch(host) is None:
        return False
    *first, last = (int(number, 8 if number.startswith(b"0") else 10) for number in host.split(b"."))
    return max(first, default=0) < _BYTE and last < _BYTE ** (_NUMBERS - len(first))


_MOST_OF_A_NAME = 256  # core/resolve.h, MAX_DNS_NAME
_BYTE = 256
_DIGITS_AND_DOTS = re.compile(rb"(?:(?:0[0-7]*|[1-9][0-9]*)(?:\.(?!\Z)|\Z)){1,4}")


def _parse_ip4(host: bytes) -> bytes | None:
    numbers = host.split(b".", _NUMBERS)
    if len(numbers) != _NUMBERS or not all(number.isdigit() or not number for number in numbers):
        return None
    return bytes(int(number[-_LAST_DECIMALS:] or b"0") & 0xFF for number in numbers)


def _parse_ip6(host: bytes) -> bytes | None:
    if host.startswith(b"["):
        if not host.endswith(b"]"):
            return None
        host = host[1:-1]
    words = host.split(b":", _WORDS)
    if len(words) > _WORDS or not all(_HEX.issuperset(word) for word in words):
        return None
    # An empty word between two colons stands for the missing ones; one in front is 0, and so is one behind.
    gaps = [at for at in range(1, len(words) - 1) if not words[at]]
    if len(gaps) > 1 or (not gaps and len(words) < _WORDS):
        return None
    if gaps:
        behind = words[gaps[0] + 1 :]
        behind = behind if behind[-1] else behind[:-1]
        words = [*words[: gaps[0]], *[b""] * (_WORDS - gaps[0] - len(behind)), *behind]
    return b"".join(int(word[-_LAST_HEX:] or b"0", 16).to_bytes(2, "big") for word in words)
