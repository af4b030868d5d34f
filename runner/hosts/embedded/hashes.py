"""Kamailio's own hash of texts (core/hashes.h)."""

from __future__ import annotations

import itertools

_UINT_MAX = 0xFFFFFFFF


def core_hash(*texts: bytes) -> int:
    """What core_hash gives for all texts together, 32 bits: bytes are signed characters."""
    total = 0
    for word in itertools.chain.from_iterable(map(_words, texts)):
        unsigned = word & _UINT_MAX
        total = (total + (unsigned ^ (unsigned >> 3))) & _UINT_MAX
    return (total + (total >> 11) + (total >> 13) + (total >> 23)) & _UINT_MAX


def _words(text: bytes) -> list[int]:
    signed = [octet - 256 if octet > 127 else octet for octet in text]  # noqa: PLR2004 - a signed char
    words = []
    whole = len(signed) // 4 * 4
    for at in range(0, whole, 4):
        first, second, third, fourth = signed[at : at + 4]
        words.append((first << 24) + (second << 16) + (third << 8) + fourth)
    tail = 0
    for octet in signed[whole:]:
        tail = (tail << 8) + octet
    return [*words, tail]
