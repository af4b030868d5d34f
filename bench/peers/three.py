"""``scripts/Three.cs`` as app_python3 runs it, and a call that does nothing. Runs inside Kamailio."""

from __future__ import annotations

from typing import Any

import KSR  # type: ignore[import-not-found]  # Kamailio's


class Methods:
    """What ``python_exec`` calls."""

    def child_init(self, _rank: int) -> int:
        """Nothing to do."""
        return 0

    def nothing(self, _msg: Any) -> int:
        """Only the way into Python and back."""
        return 1

    def three(self, _msg: Any) -> int:
        """The R-URI read, its user replaced, a header for the reply."""
        uri = KSR.pv.get("$ru")
        KSR.pv.sets("$rU", "123")
        return 1 if KSR.hdr.append_to_reply("X-Script: ok\r\n") == 1 and uri is not None else -1


def mod_init() -> Methods:
    """What app_python3 calls after loading."""
    return Methods()
