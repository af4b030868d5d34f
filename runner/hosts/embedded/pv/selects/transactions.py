"""Selects of the transaction (tm: select.c): a host without one answers as Kamailio does before there is one."""

from __future__ import annotations

from runner.hosts.embedded.pv.select import NUMBER, ROOT, Selection


def _none(_: Selection) -> bytes | None:
    return None


_tm = ROOT.add("tm", lambda _: b"0")
_tm.add("method", _none)
_server = _tm.add("uas")
_server.add("status", _none)
_server.add("request req", _none).add("neg_ack_retransmission", _none)
_server.add("local_to_tag", _none)
_server.add("response resp", _none)
_client = _tm.add("uac")
for _name in ("count", "relayed", "last_status", "response_retransmission"):
    _client.add(_name, _none)
_branch = _client.add(NUMBER)
for _name in ("status", "uri", "response resp", "request req"):
    _branch.add(_name, _none)
