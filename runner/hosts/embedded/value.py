"""The value of a pseudo-variable, as Kamailio's ``pv_value_t`` (core/pvar.h): text, number, both, or null."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from runner.hosts.expressions import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CannotEvaluate"]  # which most who read a value have to expect


class Value(NamedTuple):
    """
    One value. Null when there is neither text nor number.

    Attributes:
        text: The bytes, ``rs`` of ``pv_value_t``; None without PV_VAL_STR.
        number: The integer, ``ri``; None without PV_VAL_INT. ``$rp`` has both, and yet is text.
        is_integer: PV_TYPE_INT: the number is the value and the text only its decimal form.
        is_printed: The text stands in the one buffer of core/ut.h, int2str, and not where the number came from.
        behind: The byte behind the text where that stands in the message, which the 7 bit transformations read; else 0;
            -1 for an empty text that stands nowhere, see ``NOWHERE``.
    """

    text: bytes | None = None
    number: int | None = None
    is_integer: bool = False
    is_printed: bool = False
    behind: int = 0

    @property
    def is_null(self) -> bool:
        """PV_VAL_NULL."""
        return self.text is None and self.number is None

    @classmethod
    def integer(cls, number: int) -> Value:
        """A value of integer type, with its decimal text (core/pvar.c, ``pv_get_sintval``)."""
        return make((b"%d" % number, number, True, True, 0))

    @classmethod
    def piece(cls, data: bytes, start: int, length: int, number: int | None = None) -> Value:
        """Text that is a piece of the message, with or without a number."""
        end = start + length
        return make((data[start:end], number, False, False, data[end] if end < len(data) else 0))

    @classmethod
    def integer_text(cls, text: bytes, number: int, behind: int = 0) -> Value:
        """A value of integer type whose text is its own (core/pvar.c, ``pv_get_intstrval``)."""
        return cls(text, number, is_integer=True, behind=behind)


make: Callable[[tuple[bytes | None, int | None, bool, bool, int]], Value] = partial(tuple.__new__, Value)
"""A value of all its fields, without the call of Python that ``Value`` is: one is made for every read."""

NULL = Value()

NOWHERE = Value(b"", behind=-1)
"""Empty, as a parameter without a value is: Kamailio has a null pointer for it, which some transformations refuse."""


def buffer_size(*, is_6: bool) -> int:
    """core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE: what several values may have together, with the NUL behind them."""
    return 32768 if is_6 else 8192
