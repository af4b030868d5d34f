"""A host over a Kamailio that answers as it is told to, for the tests of KSR."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import CallRefused
from runner.hosts.kamailio.host import KamailioHost
from runner.hosts.kamailio.kemi import Signature

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURES = {
    "exec.exec_cmd": Signature("s", "int"),
    "tm.t_relay": Signature("", "int"),
    "sl.send_reply": Signature("is", "int"),
    "setflag": Signature("i", "bool"),
    "info": Signature("s", "none"),
    "xlog.xinfo": Signature("s", "int"),
    "kx.get_ua": Signature("", "value"),
    "is_INVITE": Signature("", "bool"),
    "async.get_data": Signature("", "value"),
    "pvx.evalx": Signature("ss", "int"),
    "pvx.var_seti": Signature("si", "int"),
    "textops.get_body_part": Signature("ss", "int"),
    "textops.replace": Signature("ss", "int"),
    "textops.replace_all": Signature("ss", "int"),
    "textops.replace_str": Signature("sss", "int"),
    "textops.subst": Signature("s", "int"),
    "tm.t_on_failure": Signature("s", "int"),
    "setuser": Signature("s", "bool"),
    "cfgutils.sleep": Signature("i", "int"),
    "cfgutils.usleep": Signature("i", "int"),
    "route": Signature("s", "int"),
    "cfgutils.route_if_exists": Signature("s", "int"),
    "tmx.t_suspend": Signature("", "int"),
    "tmx.t_cancel_callid": Signature("ssi", "int"),
    "pipelimit.pl_drop_range": Signature("ii", "int"),
    "sqlops.sql_is_null": Signature("sii", "int"),
    "tcpops.tcp_conid_alive": Signature("i", "int"),
    "kx.get_conid": Signature("", "int"),
    "textopsx.change_reply_status": Signature("is", "int"),
    "textopsx.hf_iterator_next": Signature("s", "int"),
    "textopsx.hf_iterator_start": Signature("s", "int"),
    "textopsx.msg_set_buffer": Signature("s", "int"),
}


class Kemi:
    """The tables of a Kamailio with a few functions."""

    modules = dict.fromkeys(
        (
            "tm",
            "sl",
            "xlog",
            "kx",
            "async",
            "pvx",
            "textops",
            "exec",
            "cfgutils",
            "tmx",
            "pipelimit",
            "sqlops",
            "tcpops",
            "textopsx",
        ),
        1,
    )

    def signature(self, module: str, name: str) -> Signature | None:
        return SIGNATURES.get(f"{module}.{name}" if module else name)


class Rig:
    """A host and what Kamailio was asked."""

    def __init__(self, *allowed: str) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.results: dict[str, Any] = {}
        modules: dict[str, dict[str, Callable[..., Any]]] = {}
        for function in [
            *SIGNATURES,
            "pv.get",
            "pv.geti",
            "pv.is_null",
            "pv.sets",
            "hdr.get",
            "hdr.append",
            "hdr.insert",
            "log",
        ]:
            module, _, name = function.rpartition(".")
            modules.setdefault(module, {})[name] = self._function(function)
        binding = _module("KSR", modules.pop(""))
        vars(binding).update({name: _module(name, has) for name, has in modules.items()})
        self.host = KamailioHost(None, binding, frozenset(allowed))
        self.host.is_parsed = True

    def _function(self, function: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.asked.append((function, *arguments))
            result = self.results.get(function, 1)
            if isinstance(result, Exception):
                raise result
            return result

        return call


def _module(name: str, functions: dict[str, Callable[..., Any]]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(functions)
    return module


def refusal(rig: Rig, function: str, *arguments: str | int | bool) -> str:
    with pytest.raises(CallRefused) as refused:
        rig.host.ksr(function, list(arguments))
    return str(refused.value)
