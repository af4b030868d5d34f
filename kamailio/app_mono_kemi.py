"""
Routing scripts in C# (KEMI), for app_python3 and for app_python3s: the whole routing of Kamailio in one assembly.

In kamailio.cfg::

    loadmodule "app_python3.so"
    modparam("app_python3", "load", "/usr/share/app-mono/kamailio/app_mono_kemi.py")
    cfgengine "python"

The setting ``load`` of app-mono.toml names the assembly. Whatever function Kamailio asks for, it gets the public static
method of that name: ``ksr_request_route`` for every request, ``ksr_reply_route`` for every reply,
``ksr_onsend_route`` for every message that is sent, and what ``t_on_branch``, ``t_on_failure``, ``t_on_reply`` and the
modules' event callbacks name. One that the assembly does not have does nothing. ``python_exec("mono_exec", ...)`` works
as with ``app_mono.py``, which lies beside this file.

A new build is live for the next message; with ``kemi_pinned`` it waits for ``app-mono reset``. A request whose
``ksr_request_route`` failed is answered by the setting ``kemi_on_error``. Nothing is raised into Kamailio, which would
leave the caller without an answer, and nothing but 1 is returned.

Standard library only: this runs in the Python that Kamailio embeds. Names of this file begin with an underscore, for
app_python3s looks for the functions of the script among them.
"""

import importlib as _importlib
import re as _re
import sys as _sys
from functools import partial as _partial

import KSR as _KSR

# A reload runs this file again, and this one alone: the others have to read their settings again as well.
if "app_mono_s" in _sys.modules:
    _importlib.reload(_sys.modules["app_mono_s"])

import app_mono as _app_mono
from app_mono_s import MESSAGE as _MESSAGE
from app_mono_s import mono_exec, mono_run

__all__ = ("mod_init", "mono_exec", "mono_run")

_REQUEST_ROUTE = "ksr_request_route"
_OPTIONAL = frozenset({"ksr_reply_route", "ksr_onsend_route"})  # Kamailio asks for them whether they are there or not

# After these a request is answered, or will be by somebody else: they reply, relay, suspend, or run a route of the cfg.
_BY_MODULE = {
    "": "forward forward_uri route",
    "async": "ms_route route task_group_route task_route",
    "auth": "auth_challenge proxy_challenge www_challenge",
    "cfgutils": "route_if_exists",
    "corex": "forward_uac forward_uac_uri",
    "dmq": "handle_message handle_message_rc",
    "evapi": "async_multicast async_relay async_unicast",
    "http_async_client": "query",
    "microhttpd": "mhttpd_reply",
    "msrp": "forward",
    "pipelimit": "pl_drop pl_drop_range pl_drop_retry",
    "presence": "handle_publish handle_publish_uri handle_subscribe handle_subscribe_uri",
    "registrar": "reg_send_reply save save_uri",
    "rls": "handle_notify handle_subscribe handle_subscribe_uri",
    "sanity": "sanity_reply",
    "sca": "handle_subscribe",
    "siprepo": "sr_msg_async_pull",
    "siputils": "options_reply",
    "sl": "send_reply send_reply_error send_reply_mode sl_reply_error sl_send_reply",
    "tm": "t_relay t_relay_to_flags t_relay_to_proto t_relay_to_proto_addr t_relay_to_proxy t_relay_to_proxy_flags"
    " t_release t_reply t_reply_error t_send_reply",
    "tmx": "t_drop t_drop_rcode t_reply_callid t_suspend",
    "websocket": "handle_handshake",
    "xhttp": "xhttp_reply",
    "xhttp_pi": "dispatch",
    "xhttp_prom": "dispatch",
    "xhttp_rpc": "dispatch",
    "xmlrpc": "dispatch_rpc xmlrpc_reply",
}
_ANSWERING = frozenset(
    called
    for module, names in _BY_MODULE.items()
    for name in names.split()
    for called in (f"{module}.{name}", name)  # KSR has the module, ModF has not
)


class _Host(_app_mono.KamailioHost):
    """The message, and the functions that said that they did something with it."""

    __slots__ = ("done",)

    def __init__(self, msg):
        super().__init__(msg, _KSR, _app_mono.ksr_allow)
        self.done = set()

    def called(self, function, value):
        """As its parent."""
        if value.__class__ is int and value > 0:
            self.done.add(function)

    @property
    def is_answered(self):
        """Whether the sender of a request has an answer, or will get one without the script."""
        return not _ANSWERING.isdisjoint(self.done)


def _run(name, msg, param=None):
    """One entry. Whatever it does or fails to do, nothing is raised, and the value is 1."""
    host = _Host(msg)
    outcome = _app_mono.attempt(host, _path, param, name)
    if isinstance(outcome, Exception):
        has_failed = True
    else:
        has_failed = outcome.is_missing or outcome.has_exited
        if outcome.is_missing and name == _REQUEST_ROUTE:  # each time, as every other reason for that answer
            needs = "a public static method that takes nothing or one string"
            _app_mono.log.error("%s has no entry %r, %s", _app_mono.settings["load"], name, needs)
        elif outcome.is_missing and name not in _OPTIONAL:
            host.log_once(name, f"{_app_mono.settings['load']} has no entry {name!a:.80}")
    if has_failed and name == _REQUEST_ROUTE and not host.is_answered:
        _answer()
    return 1


def _answer():
    """Answer the request by ``kemi_on_error``."""
    try:
        if not _KSR.is_ACK():
            _KSR.sl.send_reply(_code, _reason)  # in its transaction, if there is one
    except Exception:  # noqa: BLE001  # nothing may escape into Kamailio
        _app_mono.log.exception('a request is left without an answer; kamailio.cfg needs loadmodule "sl.so"')


class _Handler(_app_mono.Methods):
    """What app_python3 asks for functions."""

    def __getattr__(self, name):
        if name.startswith("__"):  # Python's own questions
            raise AttributeError(name)
        return _partial(_run, name)


def mod_init():
    """What app_python3 calls after loading and after every ``app_python.reload``."""
    return _Handler()


def __getattr__(name):
    """What app_python3s asks for functions: this file itself. It has no message object."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _partial(_run, name, _MESSAGE)


def _on_error(line):
    """Code and reason of ``kemi_on_error``; a line that is none is logged and takes the default."""
    if not _re.fullmatch(r"[3-6][0-9]{2} [^\0-\x1f\x7f]+", line):
        default = _app_mono.DEFAULTS["kemi_on_error"]
        _app_mono.log.error(
            "kemi_on_error: expected a code from 300 to 699 and a reason, got %r; %r applies", line, default
        )
        line = default
    return int(line[:3]), line[4:]


_code, _reason = _on_error(_app_mono.settings["kemi_on_error"])
_path = None if _app_mono.settings["kemi_pinned"] else _app_mono.settings["load"] or None
