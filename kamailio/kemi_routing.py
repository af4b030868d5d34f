"""
A routing script in Python (KEMI) that asks C# scripts. ``app_mono.py`` lies beside it.

Runs in the Python that Kamailio embeds: the standard library alone.
"""

import app_mono
import KSR

SCRIPT = "/etc/kamailio/mono/MySRTest.exe"


class Routing(app_mono.Methods):
    """What Kamailio calls; by its parent ``python_exec("mono_exec", ...)`` works here, too."""

    def ksr_request_route(self, msg):
        """Every request."""
        if app_mono.mono_exec(msg, SCRIPT, KSR.pv.get("$rU")) > 0:
            KSR.sl.sl_send_reply(200, "OK")
        else:
            KSR.sl.sl_send_reply(404, "Not Found")
        return 1


def mod_init():
    """What app_python3 calls after loading."""
    return Routing()
