"""``Three.cs`` and ``Fifteen.cs`` as app_python3 runs them, and a call that does nothing. Runs inside Kamailio."""

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

    def fifteen(self, _msg: Any) -> int:
        """Ten reads and five edits."""
        text = f"{KSR.pv.get('$ru')}{KSR.pv.get('$fu')}{KSR.pv.get('$tu')}{KSR.pv.get('$ci')}{KSR.pv.get('$rm')}"
        text += f"{KSR.pv.get('$si')}{KSR.pv.get('$hdr(Via)')}{KSR.pv.get('$fU')}{KSR.pv.get('$rd')}"
        port = KSR.pv.get("$sp")
        KSR.pv.sets("$rU", "123")
        KSR.pv.sets("$var(route)", "gateway")
        KSR.pv.seti("$var(length)", len(text))
        is_done = KSR.hdr.append("X-Routed-By: script\r\n") == 1
        return 1 if KSR.hdr.append_to_reply("X-Script: ok\r\n") == 1 and is_done and port > 0 else -1


def mod_init() -> Methods:
    """What app_python3 calls after loading."""
    return Methods()
