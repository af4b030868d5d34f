"""
The locale that Kamailio has where no Python is loaded: C, in which a POSIX regular expression counts bytes.

Standard library only: it is imported by the Python that Kamailio embeds. When that starts, it sets LC_CTYPE of the
whole process to the user's (Py_Initialize), and in a UTF-8 locale ``regcomp`` and ``regexec`` then count characters
(core/re.c, modules/textops/txt_var.c). Must not set it back for the process: ``open`` without an encoding would read
ASCII in every other script of this Python.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LC_CTYPE_MASK = 1  # locale.h of glibc and of musl

_libc = ctypes.CDLL(None)
_libc.newlocale.argtypes, _libc.newlocale.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p), ctypes.c_void_p
_libc.uselocale.argtypes, _libc.uselocale.restype = (ctypes.c_void_p,), ctypes.c_void_p
_C = _libc.newlocale(_LC_CTYPE_MASK, b"C", None)


@contextlib.contextmanager
def c_locale() -> Iterator[None]:
    """The locale C for this thread, whatever the process has."""
    before = _libc.uselocale(_C)
    try:
        yield
    finally:
        _libc.uselocale(before)
