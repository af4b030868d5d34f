"""
Functions of the modules tm and tmx: this host has no transactions, and they say so as Kamailio does.

Must not know scripts or variables: a Context in, the function's own value out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Fault
from .outgoing import IDENTIFYING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context

_TRUE, _FALSE = 1, -1
_CANNOT_CHECK = -2
_NOT_CHECKED = frozenset({b"ACK", b"CANCEL"})


def can_be_sought(context: Context) -> bool:
    """
    Whether tm can look for the transaction of the message (t_lookup.c, t_check_msg); False when a header is in the way.

    Once it was looked for and not found, it is not looked for again, whatever became of the message.
    """
    if context.is_transaction_sought:
        return True
    line = context.message.first_line
    if not line.is_request:
        context.is_transaction_sought = _is_reply_known(context)
        return context.is_transaction_sought
    is_without_sender = line.method.upper() == b"INVITE" and context.party(b"from") is None
    if context.message.broken_at is not None or is_without_sender:
        return False
    # t_lookup_request takes a request without one of these headers for an error, and yet for one that was looked for.
    context.is_transaction_sought = True
    if not all(context.header(key) for key in IDENTIFYING):
        context.fault = Fault.HEADER_MISSING
        return False
    return context.header(b"via") is not None


def _is_reply_known(context: Context) -> bool:
    needed = (b"via", b"cseq", b"call-id", *((b"to",) if context.message.cseq[1] == b"INVITE" else ()))
    return all(context.header(key) for key in needed)


def seek(context: Context) -> int:
    """tm: w_t_check and others: there is no transaction, or it cannot be looked for; both are false."""
    can_be_sought(context)
    return _FALSE


def _check(context: Context) -> int:
    """tm: t_check_trans: that of a CANCEL is that of its INVITE, which does not count as looked for."""
    line = context.message.first_line
    return _FALSE if line.is_request and line.method.upper() == b"CANCEL" else seek(context)


def _release(context: Context) -> int:
    """tm: t_release: true where there is nothing to release, false for a reply."""
    if context.message.first_line.is_reply:
        return _FALSE
    return _TRUE if can_be_sought(context) else _FALSE


def _retransmit_reply(context: Context) -> int:
    """tm: ki_t_retransmit_reply: true when the transaction cannot be looked for."""
    return _FALSE if can_be_sought(context) else _TRUE


def _precheck(context: Context) -> int:
    """tmx: tmx_mod.c, t_precheck_trans: the host sees each request once; what has no transaction is -2, in 6.0 -1."""
    cannot = _FALSE if context.environment.is_6 else _CANNOT_CHECK
    message, sender = context.message, context.party(b"from")
    is_complete = all(message.header(key) for key in (b"from", b"via", b"call-id", b"cseq"))
    if not message.first_line.is_request or not is_complete or message.cseq[1].upper() in _NOT_CHECKED:
        return cannot
    return _FALSE if sender is not None and sender.tag else cannot


def _is_in_request_route(context: Context) -> int:
    return _FALSE if context.message.first_line.is_reply else _TRUE


def _is_in_reply_route(context: Context) -> int:
    return -_is_in_request_route(context)


def _always(value: int) -> Callable[[Context], int]:
    """A function with one answer where there is no transaction."""
    return lambda _: value


_TRUE_WITHOUT = """
    t_reset_fr t_reset_retr t_reset_max_lifetime t_drop_replies t_use_uac_headers t_clean t_relay_cancel
"""
_FALSE_WITHOUT = """
    t_is_failure_route t_is_branch_route t_lookup_cancel t_branch_timeout t_branch_replied
    t_load_contacts t_next_contacts t_next_contact_flow t_flush_flags t_flush_xflags t_drop
"""
_SEEKING = """
    t_lookup_request t_any_timeout t_any_replied t_is_canceled t_is_expired t_is_retr_async_reply t_get_status_code
    t_reuse_branch
"""

FUNCTIONS: dict[str, Callable[[Context], int]] = {
    "t_check_trans": _check,
    "t_release": _release,
    "t_retransmit_reply": _retransmit_reply,
    "t_precheck_trans": _precheck,
    "t_is_request_route": _is_in_request_route,
    "t_is_reply_route": _is_in_reply_route,
    "t_save_lumps": _is_in_reply_route,
    **dict.fromkeys(_SEEKING.split(), seek),
    **dict.fromkeys(_TRUE_WITHOUT.split(), _always(_TRUE)),
    **dict.fromkeys(_FALSE_WITHOUT.split(), _always(_FALSE)),
}
"""Those that need nothing but the message."""
