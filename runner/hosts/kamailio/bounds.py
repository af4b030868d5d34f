"""
How much of Kamailio's memory the scripts of one process may fill: with names, and with values that outlive a message.

Standard library only: it is imported by the Python that Kamailio embeds. Kamailio keeps every name that it was ever
asked for (core/pvapi.c, pv_cache_add), and every ``$var`` with its value. A process that has no private memory left
answers no more requests, though it keeps running.
"""

from __future__ import annotations

from pathlib import Path

_USUAL_MIB = 8  # what Debian's package is built with, and its service sets
_LONGEST_NUMBER = 7  # digits; more is not a size of memory
_SHARE_OF_NAMES = 3 / 16
_SHARE_OF_VALUES = 1 / 8
_BYTES_OF_A_NAME = 500  # measured on 5.6.3: 180 for $hdr, 370 for $var, 500 for $xavp
_BYTES_OF_A_TRANSFORMATION = 300
_KEPT = ("$var", "$(var", "$vn", "$(vn", "$vz", "$(vz")

SMALL = 64
"""Values up to this length are not counted: a process has no more of them than names, an exec no more than calls."""
MOST_WRITTEN = 4 * 1024 * 1024
"""What one exec may write into headers and variables, small values aside; a message has 64 KiB at most."""


def private_bytes(command_line: bytes) -> int:
    """
    The private memory of each process of a Kamailio with this command line: its option ``-M``, in MiB (main.c).

    Args:
        command_line: The words with a NUL behind each, as ``/proc/self/cmdline`` has them.
    """
    mib = _USUAL_MIB
    words = command_line.split(b"\0")
    for number, word in enumerate(words[:-1]):
        if word.startswith(b"-M"):
            given = word[2:] or words[number + 1]
            mib = int(given) if given.isdigit() and len(given) <= _LONGEST_NUMBER else _USUAL_MIB
    return mib * 1024 * 1024


def of_this_process() -> int:
    """``private_bytes`` of the Kamailio that this runs in."""
    try:
        return private_bytes(Path("/proc/self/cmdline").read_bytes())
    except OSError:
        return _USUAL_MIB * 1024 * 1024


class Names:
    """
    The names that this process has asked Kamailio for, as far as they fit.

    Args:
        private: Bytes of private memory that the process has.
    """

    def __init__(self, private: int) -> None:
        self.harmless: set[str] = set()
        self._others: set[str] = set()
        self._left = int(private * _SHARE_OF_NAMES)

    def admit(self, name: str, *, is_harmless: bool) -> bool:
        """Whether Kamailio may be asked for ``name``; a harmless one is in ``harmless`` from then on."""
        known = self.harmless if is_harmless else self._others
        if name in known:
            return True
        cost = _BYTES_OF_A_NAME + 2 * len(name) + _BYTES_OF_A_TRANSFORMATION * name.count("{")
        if cost > self._left:
            return "(" not in name  # there are few of them, and an unknown one is not kept
        self._left -= cost
        known.add(name)
        return True

    def knows(self, name: str) -> bool:
        """Whether Kamailio may have been asked for ``name`` before."""
        return name in self.harmless or name in self._others


class Values:
    """
    The values that stay in this process when the message is gone.

    Args:
        private: Bytes of private memory that the process has.
    """

    def __init__(self, private: int) -> None:
        self._sizes: dict[str, int] = {}
        self._left = int(private * _SHARE_OF_VALUES)

    def admit(self, name: str, size: int) -> bool:
        """Whether ``name`` may be set to a value of this size, which is not small."""
        if not name.startswith(_KEPT):
            return True
        # The room of a long value is kept for the next one (core/pvapi.c and modules/pv/pv_svar.c, set_var_value).
        more = max(0, size - self._sizes.get(name, 0))
        if more > self._left:
            return False
        if more:
            self._left -= more
            self._sizes[name] = size
        return True
