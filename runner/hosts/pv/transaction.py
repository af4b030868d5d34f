"""Transactions (tmx: t_var.c): a host without one answers as Kamailio does before there is one."""

from __future__ import annotations

from runner.hosts.pv.expression import parse_whole
from runner.hosts.pv.registry import Access, one_of, register
from runner.hosts.pv.value import NULL, CannotEvaluate, Value


def _null(_: Access) -> Value:
    return NULL


def _empty(_: Access) -> Value:
    return Value(b"")


def _zero(_: Access) -> Value:
    return Value.integer(0)


def _fails(_: Access) -> Value:
    raise CannotEvaluate("not known to this host")


_T = one_of(
    "id_index",
    "id_label",
    "id_index_n",
    "id_label_n",
    "reply_type",
    "reply_code",
    "branch_index",
    "reply_reason",
    "reply_last",
    "ruid",
)


def _transaction(access: Access) -> Value:
    match access.name:
        case "branch_index" | "reply_code":
            return Value.integer(0)
        case _:
            return NULL


register(
    "T",
    "Of the transaction: reply_code, branch_index; null before there is one.",
    "tmx: t_var.c, pv_get_t",
    _transaction,
    parse_name=_T,
)
register(
    "T_branch",
    "Of a branch of the transaction; null.",
    "tmx: t_var.c, pv_get_t_branch",
    _null,
    parse_name=one_of("flags", "uri"),
)
register(
    "T_req T_rpl T_inv",
    "An expression over a message of the transaction; null.",
    "tmx: t_var.c, pv_get_t_var",
    _null,
    parse_name=parse_whole,
)
register("T_branch_idx T_reply_code", "0 outside of a transaction.", "tmx: t_var.c, pv_get_tm_branch_idx", _zero)
register(
    "T_reply_ruid T_reply_reason", "Empty outside of a transaction.", "tmx: t_var.c, pv_get_tm_reply_reason", _empty
)
register("T_reply_last", "Fails outside of a transaction.", "tmx: t_var.c, pv_get_tm_reply_last_received", _fails)
_NAMED = one_of("ip", "port", "proto", "sproto", "af", "buf", "len", "sip", "sport")
register(
    "snd sndto sndfrom",
    "Of a message being sent, in a send event only; null.",
    "pv: pv_core.c, pv_get_sndto",
    _null,
    parse_name=_NAMED,
)
register(
    "rcv",
    "Of a received datagram, in its event only; null.",
    "pv: pv_core.c, pv_get_rcv",
    _null,
    parse_name=one_of("buf", "len", "proto", "srcip", "rcvip", "srcport", "rcvport", "sproto", "af"),
)
register("hfitname hfitbody", "Header iterator; none is open, null.", "textopsx", _null, parse_name=lambda text: text)
register("blitval", "Body line iterator; none is open, null.", "textopsx", _null, parse_name=lambda text: text)
