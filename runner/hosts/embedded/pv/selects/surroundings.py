"""Selects of the transport, of the process and of the branches: ``src.ip``, ``sys.pid``, ``branch.uri[0]``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from runner.hosts.embedded.context import bracketed
from runner.hosts.embedded.pv.branches import q_text
from runner.hosts.embedded.pv.select import ROOT, Selection

from .nameaddr import NAMEADDR
from .uri import URI

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.context import Address, Branch, Context
    from runner.hosts.embedded.pv.select import Reader


def _ends(address: Callable[[Context], Address], *parts: str, is_bracketed: bool = False) -> Reader:
    """``proto``, ``ip`` and ``port`` of an address, as many as are named, with colons between (select_ip_port)."""

    def read(selection: Selection) -> bytes:
        found = address(selection.access.context)
        ip = bracketed(found.ip) if is_bracketed else found.ip
        texts = {"proto": found.proto, "ip": ip, "port": str(found.port)}
        return ":".join(texts[part] for part in parts).encode()

    return read


def _source(context: Context) -> Address:
    return context.source


def _own(context: Context) -> Address:
    return context.socket.address


for _names, _address, _is_bracketed in (("src", _source, False), ("dst", _own, False), ("received", _own, True)):
    _node = ROOT.add(_names)
    _node.add("ip", _ends(_address, "ip", is_bracketed=_is_bracketed))
    _node.add("port", _ends(_address, "port"))
    _node.add("ip_port", _ends(_address, "ip", "port", is_bracketed=_is_bracketed))
_node.add("proto", _ends(_own, "proto"))
_node.add("proto_ip_port", _ends(_own, "proto", "ip", "port", is_bracketed=True))


def _formatted(now: Callable[[], time.struct_time]) -> Reader:
    """The time, by strftime when a format is named, else as asctime writes it (select_sys_now_fmt)."""

    def read(selection: Selection) -> bytes:
        form = selection.names[3] if len(selection.names) > 3 else None  # noqa: PLR2004 - sys, now, the zone, the format
        if not isinstance(form, bytes):
            return time.asctime(now()).encode()
        return time.strftime(form.decode("utf-8", "surrogateescape"), now()).encode("utf-8", "surrogateescape")

    return read


_sys = ROOT.add("sys")
_sys.add("pid", lambda _: b"%d" % os.getpid())
_sys.add("unique", lambda _: b"%04x-%08x-%s" % (os.getpid(), int(time.time()), uuid4().hex[:8].encode()))
_sys.add("server_id", lambda selection: b"%d" % selection.access.context.environment.server_id)
_now = _sys.add("now", lambda _: b"%d" % int(time.time()))
_now.add("local", _formatted(time.localtime), takes=bytes, is_optional=True)
_now.add("gmt utc", _formatted(time.gmtime), takes=bytes, is_optional=True)


def _branches(part: Callable[[Branch], bytes | None]) -> Reader:
    """
    A part of the branch of that number, else of all with commas between (select_branch_uri).

    Without a number and with something behind it, Kamailio takes an address in memory for the number: null.
    """

    def read(selection: Selection) -> bytes | None:
        branches = selection.access.context.branches
        number = selection.names[2] if len(selection.names) > 2 else None  # noqa: PLR2004 - branch, the part, the number
        if number is None and not selection.is_last:
            return None
        if number is None and len(branches) > 1:
            return b",".join(part(branch) or b"" for branch in branches)
        index = number if isinstance(number, int) else 0
        return part(branches[index]) if 0 <= index < len(branches) else None

    return read


def _weighted(branch: Branch) -> bytes:
    return branch.uri if branch.q is None else b"<" + branch.uri + b">;q=" + q_text(branch.q)


_branch = ROOT.add("branch")
_branch.add("count", lambda selection: b"%d" % len(selection.access.context.branches))
_branch.add("uri", _branches(lambda branch: branch.uri), takes=int, is_optional=True).nest(URI)
_branch.add("dst_uri", _branches(lambda branch: branch.dst_uri), takes=int, is_optional=True).nest(URI)
_branch.add("uriq", _branches(_weighted), takes=int, is_optional=True).nest(NAMEADDR)
_branch.add("q", _branches(lambda branch: None if branch.q is None else q_text(branch.q)), takes=int, is_optional=True)
