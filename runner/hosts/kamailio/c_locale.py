"""
The locale that Kamailio has where no Python is loaded: C, in which a POSIX regular expression counts bytes.

Standard library only: it is imported by the Python that Kamailio embeds. When that starts, it sets LC_CTYPE of the
whole process to the user's (Py_Initialize), and in a UTF-8 locale ``regcomp`` and ``regexec`` then count characters
(core/re.c, modules/textops/txt_var.c). Must not set it back for the process: ``open`` without an encoding would read
ASCII in every other script of this Python.
"""

from __future__ import annotations

import ctypes

_LC_CTYPE_MASK = 1  # locale.h of glibc and of musl

_libc = ctypes.PyDLL(None)  # without letting go of the interpreter, which costs more than what is called
_newlocale, _uselocale = _libc.newlocale, _libc.uselocale
_newlocale.argtypes, _newlocale.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p), ctypes.c_void_p
_uselocale.argtypes, _uselocale.restype = (ctypes.c_void_p,), ctypes.c_void_p
_C = _newlocale(_LC_CTYPE_MASK, b"C", None)


class CLocale:
    """The locale C for this thread, whatever the process has, for the length of a ``with`` block."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = _uselocale(_C)

    def __exit__(self, *_: object) -> None:
        _uselocale(self._before)
