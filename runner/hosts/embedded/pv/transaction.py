"""Transactions (tmx: t_var.c): a host without one answers as Kamailio does before there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.to_tag import stateless_tag
from runner.hosts.embedded.transaction import can_be_sought
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value

from .expression import parse_whole
from .registry import Access, one_of, register

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context


def _null(_: Access) -> Value:
    return NULL


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


def _checked(access: Access) -> Context:
    """
    The message, when a transaction could be looked up for it (tm: t_lookup.c, t_check_msg).

    Raises:
        CannotEvaluate: It cannot.
    """
    if not can_be_sought(access.context):
        raise CannotEvaluate("no transaction can be looked up")
    return access.context


def _reply_code(access: Access) -> Value:
    """A reply's own, without a look at the transaction; a request has none."""
    line = access.context.message.first_line
    if line.is_reply:
        return Value.integer(int(line.status))
    _checked(access)
    return Value.integer(0)


def _reply_text(access: Access) -> Value:
    """Empty, also for a reply."""
    _checked(access)
    return Value(b"")


def _branch_index(access: Access) -> Value:
    """Of a request it is the number of further branches, of a reply that of its transaction."""
    context = access.context
    return Value.integer(-1 if context.message.first_line.is_reply else len(context.branches))


def _transaction(access: Access) -> Value:
    match access.name:
        case "branch_index":
            return _branch_index(access)
        case "reply_code":
            return _reply_code(access)
        case _:
            return NULL


def _reply_reason(access: Access) -> Value:
    """Empty, also for a reply; in 6.0 also where no transaction can be looked up (t_var.c, pv_get_tm_reply_reason)."""
    if not can_be_sought(access.context) and not access.context.environment.is_6:
        raise CannotEvaluate("no transaction can be looked up")
    return Value(b"")


_SOURCE = "tmx: t_var.c, pv_get_t"
register(
    "T", "Of the transaction: reply_code, branch_index; null before there is one.", _SOURCE, _transaction, parse_name=_T
)
register("T_branch", "Of a branch of the transaction; null.", _SOURCE, _null, parse_name=one_of("flags", "uri", "ruid"))
register("T_req T_rpl T_inv", "An expression over a message of it; null.", _SOURCE, _null, parse_name=parse_whole)
register("T_branch_idx", "0 for a request, -1 for a reply.", _SOURCE, _branch_index)
register("T_reply_code", "Status of a reply, 0 for a request.", _SOURCE, _reply_code)
register("T_reply_ruid", "Empty outside of a transaction.", _SOURCE, _reply_text)
register("T_reply_reason", "Empty outside of a transaction.", _SOURCE, _reply_reason)
register("T_reply_last", "Fails outside of a transaction.", _SOURCE, _fails)
register("conid", "Connection the message came over; null for UDP.", "pv: pv_core.c, pv_get_tcpconn_id", _null)


def _local_tag(access: Access) -> Value:
    """sl: sl.c, pv_get_ltt: ``t`` is the transaction's, and there is none."""
    return NULL if access.name == "t" else Value(stateless_tag(access.context))


register(
    "ltt",
    "To tag of a reply made here: s stateless, t of the transaction, x either.",
    "sl: sl.c, pv_get_ltt",
    _local_tag,
    parse_name=one_of("s", "t", "x"),
)
register(
    "snd sndto sndfrom",
    "Of a message being sent, in a send event only; null.",
    "pv: pv_core.c, pv_get_sndto",
    _null,
    parse_name=one_of("ip", "port", "proto", "sproto", "af", "buf", "len"),
)


def _refuse(_: Access, value: Value) -> None:
    raise CannotEvaluate(f"a received datagram is written in its event only, not {value!r}")


register(
    "rcv",
    "Of a received datagram, in its event only; null.",
    "pv: pv_core.c, pv_get_rcv",
    _null,
    _refuse,
    parse_name=one_of("buf", "len", "proto", "srcip", "rcvip", "srcport", "rcvport", "sproto", "af"),
)
register(
    "hfitname hfitbody",
    "Header iterator; none is open, null.",
    "textopsx: textopsx.c",
    _null,
    parse_name=lambda text: text,
)
register(
    "blitval", "Body line iterator; none is open, null.", "textopsx: textopsx.c", _null, parse_name=lambda text: text
)
