"""
The Kamailio side of app_mono's successor for app_python3s; for app_python3 it is ``app_mono.py``, which lies beside it.

In kamailio.cfg::

    loadmodule "app_python3s.so"
    modparam("app_python3s", "load", "/usr/share/app-mono/kamailio/app_mono_s.py")

    app_python3s_exec("mono_exec", "/etc/kamailio/mono/x.exe")            # Main()
    app_python3s_exec("mono_exec", "/etc/kamailio/mono/x.exe $rU")        # Main(args), args[0] is the user of the R-URI
    app_python3s_exec("mono_run", "$rU")                                  # the script that `load` names

app_python3s calls functions of this file, and gives them no message. A script of your own that it loads imports them:
``from app_mono_s import mono_exec, mono_run``; from its own functions it may also call
``app_mono.mono_exec(app_mono_s.MESSAGE, "/etc/kamailio/mono/x.exe", KSR.pv.get("$rU"))``.

Standard library only: this runs in the Python that Kamailio embeds.
"""

from __future__ import annotations

import importlib
import sys

import KSR

# A reload runs this file again, and this one alone: the other has to read its settings again as well.
if "app_mono" in sys.modules:
    importlib.reload(sys.modules["app_mono"])

import app_mono

REPLY = 2  # the value of $mt for a reply


class _Message:
    """Does what the message object of app_python3 does, to the message that Kamailio is working on."""

    # The same code in C as that object's (apy3s_kemi.c, apy3s_kemi_modx). app_python3 has a KSR.x.modf that crashes.
    call_function = staticmethod(KSR.x.modf)

    @property
    def Type(self):  # noqa: N802  # its name there
        """As python_msgobj.c names it."""
        return "SIP_REPLY" if KSR.pv.get("$mt") == REPLY else "SIP_REQUEST"


MESSAGE = _Message()
_methods = app_mono.Methods()


def mono_exec(arguments=""):
    """``app_python3s_exec("mono_exec", "PATH[ PARAM]")``: 1 when Main returned 0, else -1."""
    return _methods.mono_exec(MESSAGE, arguments)


def mono_run(param=None):
    """``app_python3s_exec("mono_run"[, "PARAM"])``: as ``mono_exec``."""
    return _methods.mono_run(MESSAGE, param)
