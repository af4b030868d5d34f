"""
Which texts KSR takes, and Kamailio survives.

Standard library only: it is imported by the Python that Kamailio embeds.
"""

from __future__ import annotations


def until_nul(text: str) -> str:
    """The text up to its first NUL: arguments of app_mono and of KEMI are C strings."""
    return text if "\0" not in text else text[: text.index("\0")]


def is_utf8(text: str) -> bool:
    """Whether KSR takes the text: no surrogate is in it, so its bytes are UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
