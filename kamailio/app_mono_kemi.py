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

import difflib as _difflib
import importlib as _importlib
import re as _re
import sys as _sys
from functools import lru_cache as _lru_cache
from functools import partial as _partial

import KSR as _KSR

# A reload runs this file again, and this one alone: the others have to read their settings again as well.
if "app_mono_s" in _sys.modules:
    _importlib.reload(_sys.modules["app_mono_s"])

from app_mono_s import MESSAGE as _MESSAGE
from app_mono_s import app_mono as _app_mono
from app_mono_s import mono_exec, mono_run

from runner.calls import KSR_NAMING as _NAMING

__all__ = ("mod_init", "mono_exec", "mono_run")

_REQUEST_ROUTE = "ksr_request_route"
_MOST_NAMES = 256  # that this process keeps what it calls for; core/kemi.c, KEMI_CBNAME_LIST_SIZE
_MOST_COMPARED, _LONGEST_COMPARED = 100, 40  # entries and characters, for the one that was meant
_OPTIONAL = frozenset({"ksr_reply_route", "ksr_onsend_route"})  # Kamailio asks for them whether they are there or not

# After these a request is answered, or will be by somebody else: they reply, relay, suspend, or run a route of the cfg.
# Kamailio says so nowhere: a row of KEMI has names, types and an address (core/kemi.h, sr_kemi_t), and a stateless
# reply leaves no mark on its request (core/parser/msg_parser.h, msg_flags).
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

    def called(self, function, arguments, value):
        """As its parent."""
        if value.__class__ is int and value > 0:
            self.done.add(function)
        if function in _NAMING:
            self._look_at_name(function, arguments)

    def _look_at_name(self, function, arguments):
        """Say that the build that runs has no entry of the name: Kamailio asks for it later, or never."""
        name, entries = arguments[_NAMING[function]], _app_mono.running_entries()
        if name and entries is not None and name not in entries:
            self.log_once(name, f"{_no_entry(name)}, which KSR.{function} names{_hint(name, entries)}")

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
            host.log_once(name, _no_entry(name))
    if has_failed and name == _REQUEST_ROUTE and not host.is_answered:
        _answer()
    return 1


@_lru_cache(maxsize=_MOST_NAMES)
def _hint(name, entries):
    """The end of a log line: the entry that was meant, if there is one that looks so."""
    near = _difflib.get_close_matches(name[:_LONGEST_COMPARED], sorted(entries)[:_MOST_COMPARED], 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _no_entry(name):
    """The beginning of a log line."""
    return f"{_app_mono.settings['load']} has no entry {name!a:.80}"


def _answer():
    """Answer the request by ``kemi_on_error``."""
    try:
        if not _KSR.is_ACK():
            _KSR.sl.send_reply(_code, _reason)  # in its transaction, if there is one
    except Exception:  # noqa: BLE001  # nothing may escape into Kamailio
        _app_mono.log.exception('a request is left without an answer; kamailio.cfg needs loadmodule "sl.so"')


@_lru_cache(maxsize=_MOST_NAMES)
def _function(name, *message):
    """
    What Kamailio calls for a name, whether the script has such an entry or not; a save may add it.

    Args:
        name: The entry's.
        message: Where Kamailio does not give it.

    Raises:
        AttributeError: It is a question of Python's own.
    """
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)
    return _partial(_run, name, *message)


class _Handler(_app_mono.Methods):
    """What app_python3 asks for functions."""

    def __getattr__(self, name):
        return _function(name)


def mod_init():
    """What app_python3 calls after loading and after every ``app_python.reload``."""
    return _Handler()


def __getattr__(name):
    """What app_python3s asks for functions: this file itself. It has no message object."""
    return _function(name, _MESSAGE)


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
