"""
Base64 for URLs, as core/basex.c of Kamailio decodes it.

Must not know what is in it.
"""

from __future__ import annotations

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGITS = {octet: digit for digit, octet in enumerate(_ALPHABET)}


def padded(text: bytes) -> bytes:
    """With the ``=`` that Base64 without padding lacks."""
    return text + b"=" * (-len(text) % 4)


def decoded(text: bytes) -> bytes | None:
    """What was encoded (base64url_dec); None for what is not Base64 for URLs, and for nothing."""
    digits = text.rstrip(b"=")
    size = len(text) * 6 // 8 - (len(text) - len(digits))
    if size <= 0 or any(octet not in _DIGITS for octet in digits):
        return None
    out = bytearray()
    for at in range(0, len(digits), 4):
        block = 0
        for place, octet in enumerate(digits[at : at + 4]):
            block |= _DIGITS[octet] << (18 - 6 * place)
        out += block.to_bytes(3, "big")
    return bytes(out[:size].ljust(size, b"\0"))
