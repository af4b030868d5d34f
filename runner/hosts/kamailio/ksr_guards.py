"""
Arguments with which a function of Kamailio would end, hang or fill the server; each was seen to, or read in its source.

Standard library only: it is imported by the Python that Kamailio embeds. Facts are of 5.6.3 and 6.0.1.
tests/kamailio/test_ksr_odd_arguments.py calls each in a real one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused

from . import ksr_replacements
from .functions import is_tcp_off, may_have_parts
from .kemi import has_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host import KamailioHost

    Guard = Callable[..., None]
    """Is given the host and the arguments; raises ``CallRefused``."""

_REPLY = 2  # $mt
_MAIN_ROUTE = "0"  # core/route.c: request_route
_MOST_ROUTES = 32  # core/kemi.c, KEMI_CBNAME_LIST_SIZE is 256, for all processes and for ever
_LONGEST_SLEEP_S = 10
_LONGEST_HEADER = 900  # tm/config.h, MAX_HEADER is 1024, with the header's name
_WRITABLE = re.compile(r"\$\(?(?:var|vn|vz|avp|xavp|xavu|xavi|shv|sht|dlg_var)\(.*\)", re.DOTALL)
_LONGEST_LIST = 8192
_LONGEST_URI = 512
_TRYING, _OK, _REDIRECTION, _LAST_CODE = 100, 200, 300, 699
_MOST_INT = (1 << 31) - 1
_MOST_MADE, _LONGEST_MADE = 1000, 256  # of about 500 bytes each
_routes: set[str] = set()
_made_names: set[str] = set()


def _user(host: KamailioHost, user: str) -> None:
    _part(host, "$rU", user)


def _host(host: KamailioHost, name: str) -> None:
    _part(host, "$rd", name)


def _part(host: KamailioHost, part: str, value: str) -> None:
    # core/action.c, SET_USER_T and its like, as $rU is set
    if not host.may_rewrite(part, value, None):
        raise CallRefused("the R-URI would be as long as its buffer, which Kamailio then writes beyond")


def _callback(table: str, what: str) -> Guard:
    def guard(_host: KamailioHost, name: str) -> None:
        if not name:
            return
        # core/route.c, route_get: makes one that is not there, which no other process has
        if not has_route(table, name):
            raise CallRefused(f"kamailio.cfg has no {what}[{name[:80]}]")
        # core/kemi.c, sr_kemi_cbname_lookup_name: keeps each name
        if name not in _routes:
            if len(_routes) >= _MOST_ROUTES:
                raise CallRefused(f"this process has used {_MOST_ROUTES} names of routes, and Kamailio keeps each")
            _routes.add(name)

    return guard


def _continue(host: KamailioHost, _index: int, _label: int, name: str) -> None:
    _route(host, name)
    if not has_route("main_rt", name):  # as above
        raise CallRefused(f"kamailio.cfg has no route[{name[:80]}]")


def _made(at: int) -> Guard:
    def guard(_host: KamailioHost, *arguments: object) -> None:
        name = str(arguments[at])
        if name not in _made_names:
            if len(_made_names) >= _MOST_MADE or len(name) > _LONGEST_MADE:
                raise CallRefused("Kamailio keeps each such name, and there are too many or this one is too long")
            _made_names.add(name)

    return guard


def _route(host: KamailioHost, *arguments: object) -> None:
    host.changed()  # the route may do that, and run other scripts
    if _MAIN_ROUTE in arguments:
        raise CallRefused("this route is the routing script itself, which would run inside itself without end")


def _suspends(host: KamailioHost, *arguments: object) -> None:
    _route(host, *arguments)
    # modules/tm/t_suspend.c, t_suspend: follows the branch that was looked up last, which may be none, or another's
    if host.pv.get("$mt") == _REPLY:
        raise CallRefused("a reply cannot be suspended: module tm may look for a branch that is not there")


def _forward(host: KamailioHost, *_: object) -> None:
    # core/forward.c, forward_request: adds a Via of this server, so that the reply, once it is built again, is sent to
    # this server without end
    if host.pv.get("$mt") == _REPLY:
        raise CallRefused("a reply is not forwarded so: Kamailio itself sends it on by its Via")


def _sleep(_host: KamailioHost, seconds: int) -> None:
    if not 0 <= seconds <= _LONGEST_SLEEP_S:
        raise CallRefused(f"a process of Kamailio sleeps for {_LONGEST_SLEEP_S} s at most")


def _usleep(_host: KamailioHost, microseconds: int) -> None:
    _sleep(_host, -1 if microseconds < 0 else microseconds // 1_000_000)


def _written(name: str) -> None:
    # Many call what sets the variable, which one that is only read does not have (modules/pv/pv.c, ki_pv_evalx). A part
    # of the R-URI has, but its length must be looked at first.
    if _WRITABLE.fullmatch(name) is None:
        raise CallRefused(f"{name[:80]!a} is not one of $var, $avp, $xavp and their like: set it with KSR.pv.sets")


def _written_first(_host: KamailioHost, name: str, *_: object) -> None:
    _written(name)


def _written_last(_host: KamailioHost, *arguments: str) -> None:
    _written(arguments[-1])


def _list(_host: KamailioHost, text: str, *_: object) -> None:
    # each part takes shared memory, ten times its length
    if len(text) > _LONGEST_LIST:
        raise CallRefused(f"a list of {len(text)} characters takes too much of the server's memory")


def _call_id(_host: KamailioHost, call_id: str, number: str, *_: object) -> None:
    # tm/t_lookup.c, t_lookup_callid: prints both into buffers without asking for their lengths
    if max(len(call_id.encode()), len(number.encode())) > _LONGEST_HEADER:
        raise CallRefused("the Call-ID or the CSeq does not fit into a buffer")


def _status(_host: KamailioHost, _code: int, reason: str) -> None:
    # modules/textopsx/textopsx.c, change_reply_status_fixed: writes it as it is, and the line may end anywhere
    if "\r" in reason or "\n" in reason:
        raise CallRefused("a reason has one line")


def _range(_host: KamailioHost, least: int, most: int) -> None:
    # modules/pipelimit/pipelimit.c, pl_drop: divides by their distance and one
    if not 0 <= least <= most < _MOST_INT:
        raise CallRefused(f"from {least} to {most} is no range of seconds")


def _cell(_host: KamailioHost, _name: str, row: int, column: int) -> None:
    # modules/sqlops/sql_api.c, sqlops_get_value
    if min(row, column) < 0:
        raise CallRefused("rows and columns are counted from 0")


def _group(_host: KamailioHost, _text: str, group: int) -> None:
    # modules/regex/regex_mod.c, ki_pcre_match_group: looks for too high a number only
    if group < 0:
        raise CallRefused("groups are counted from 0")


def _value(_host: KamailioHost, _name: str, value: str) -> None:
    # modules/textopsx/textopsx.c, find_hf_value_idx
    if not value.strip():
        raise CallRefused("an empty value is looked for in no header")


def _parts(host: KamailioHost, *_: object) -> None:
    # core/msg_translator.c, check_boundaries
    if not may_have_parts(host.binding):
        raise CallRefused("the Content-Type of the message has no boundary")


def _part_of_type(host: KamailioHost, _kind: str, name: str) -> None:
    _written(name)
    # core/msg_translator.c, get_boundary: looks into the header without asking whether it is there
    if host.pv.is_null("$hdr(Content-Type)") and host.get_s("$rb"):
        raise CallRefused("the message has a body and no Content-Type")


def _matches(_host: KamailioHost, _text: str, _expression: str, first: int, count: int, name: str) -> None:
    # modules/textops/textops.c, ki_regex_substring
    _written(name)
    if min(first, count) < 0:
        raise CallRefused("matches are counted from 0")


def _uris(_host: KamailioHost, *arguments: object) -> None:
    # modules/tsilo/ts_append.c: parses them into a message that is none
    if any(isinstance(argument, str) and len(argument) > _LONGEST_URI for argument in arguments):
        raise CallRefused(f"a URI is longer than {_LONGEST_URI} characters")


def _accept(host: KamailioHost) -> None:
    _answer(host, _OK)


def _answer(host: KamailioHost, code: int, *_: object) -> None:
    # modules/nat_traversal/nat_traversal.c, __dialog_confirmed: takes the reply of the server itself for one that came
    is_final = _REDIRECTION <= code <= _LAST_CODE
    if code != _TRYING and not is_final and hasattr(host.binding, "nat_traversal") and host.pv.get("$rm") == "INVITE":
        raise CallRefused(f"module nat_traversal does not survive that the server answers an INVITE with {code}")


def _whole(host: KamailioHost, *_: object) -> None:
    # modules/sca/sca_reply.c, sca_reply, and modules/pv_headers/pvh_func.c, pvh_real_hdr_replace: take the parsed From
    # and To, which nobody has parsed since the message was built; reading them does
    if any(host.pv.get(name) is None for name in ("$msg(hdrc)", "$fu", "$tu")):
        raise CallRefused("a header of the message does not parse")


def _starts(kind: str) -> Guard:
    def guard(host: KamailioHost, name: str, *_: object) -> None:
        host.iterators.add(f"{kind} {name}")

    return guard


def _iterates(kind: str) -> Guard:
    def guard(host: KamailioHost, name: str, *_: object) -> None:
        # modules/textopsx/textopsx.c, _hf_iterators: keeps pointers into the message, also when that is gone
        if f"{kind} {name}" not in host.iterators:
            raise CallRefused(f"no iterator {name[:80]!a} was started on this message as it is now")

    return guard


def _tcp(_host: KamailioHost, *_: object) -> None:
    # core/tcp_main.c, tcpconn_get: looks for the connection in a table that is not there
    if is_tcp_off():
        raise CallRefused("this Kamailio runs without TCP")


_WRITE_TO_THEIR_LAST = (
    "auth.auth_get_www_authenticate", "crypto.aes_decrypt", "crypto.aes_encrypt", "crypto.hmac_sha256",
    "dialog.get_profile_size", "dialog.get_profile_size_static", "dialplan.dp_replace",
    "dialplan.dp_translate_vars", "gcrypt.aes_decrypt", "gcrypt.aes_encrypt", "http_client.curl_connect",
    "http_client.curl_connect_post", "http_client.get_hdrs", "http_client.query", "http_client.query_post",
    "http_client.query_post_hdrs", "http_client.query_request", "http_client.query_request_v2pk",
    "ims_dialog.get_profile_size", "ipops.detailed_ip_type", "ipops.detailed_ipv4_type",
    "ipops.detailed_ipv6_type", "jansson.get", "nathelper.set_alias_to_pv", "pvtpl.pvtpl_render",
    "rabbitmq.publish_consume", "ruxc.http_delete", "ruxc.http_get", "ruxc.http_post", "sipjson.sj_serialize",
    "tcpops.tcp_get_conid", "textops.subst_v", "uac.uac_reg_lookup", "uac.uac_reg_lookup_uri",
)  # fmt: skip
_MAKE_WHAT_THEY_NAME = {  # by the number of the argument
    0: (
        "benchmark.bm_log_timer", "benchmark.bm_start_timer", "pipelimit.pl_check_limit", "pvx.var_get", "pvx.var_seti",
        "pvx.var_sets", "registrar.reg_free_contacts", "auth_xkeys.auth_xkeys_add", "ndb_redis.redis_free",
    ),
    1: ("ipops.dns_query", "ipops.naptr_query", "ipops.ptr_query", "ipops.srv_query"),
    2: ("ndb_redis.redis_cmd", "registrar.reg_fetch_contacts"),
    3: ("ndb_redis.redis_cmd_p1",),
    4: ("ndb_redis.redis_cmd_p2",),
    5: ("ndb_redis.redis_cmd_p3",),
}  # fmt: skip
_ITERATORS = ("textopsx.hf_iterator", "textopsx.bl_iterator", "sdpops.sdp_iterator")
_STEPS = ("append", "end", "hbody", "hname", "insert", "next", "prev", "rm", "value")
GUARDS: dict[str, Guard] = {
    **{f"{iterator}_start": _starts(iterator) for iterator in _ITERATORS},
    **{f"{iterator}_{step}": _iterates(iterator) for iterator in _ITERATORS for step in _STEPS},
    **{name: _made(at) for at, functions in _MAKE_WHAT_THEY_NAME.items() for name in functions},
    **dict.fromkeys(_WRITE_TO_THEIR_LAST, _written_last),
    "async.ms_route": _suspends,
    "async.route": _suspends,
    "async.task_group_route": _suspends,
    "async.task_route": _suspends,
    "evapi.async_multicast": _suspends,
    "evapi.async_relay": _suspends,
    "evapi.async_unicast": _suspends,
    "cfgutils.route_if_exists": _route,
    "cfgutils.sleep": _sleep,
    "cfgutils.usleep": _usleep,
    "forward": _forward,
    "forward_uri": _forward,
    "kx.get_conid": _tcp,
    "pipelimit.pl_drop_range": _range,
    "pvx.evalx": _written_first,
    "pvx.xavp_params_explode": _list,
    "pvx.xavp_slist_explode": _list,
    "pvx.xavp_xparams_explode": _list,
    "regex.pcre_match_group": _group,
    "pv_headers.pvh_apply_headers": _whole,
    "registrar.reg_send_reply": _accept,
    "route": _route,
    "sethost": _host,
    "sca.call_info_update": _whole,
    "sca.call_info_update_default": _whole,
    "sca.call_info_update_mask": _whole,
    "sca.call_info_update_turi": _whole,
    "sca.handle_subscribe": _whole,
    "setuser": _user,
    "sl.send_reply": _answer,
    "sl.send_reply_mode": _answer,
    "sqlops.sql_is_null": _cell,
    "sqlops.sql_result_get": _cell,
    "sqlops.sql_result_gete": _cell,
    "sqlops.sql_result_getz": _cell,
    "textops.append_body_part": _parts,
    "textops.append_body_part_cd": _parts,
    "textops.append_body_part_hex": _parts,
    "textops.append_body_part_hex_cd": _parts,
    "textops.get_body_part": _part_of_type,
    "textops.get_body_part_raw": _part_of_type,
    "textops.regex_substring": _matches,
    "textops.remove_body_part": _parts,
    **ksr_replacements.GUARDS,
    "textopsx.change_reply_status": _status,
    "textopsx.exclude_hf_value": _value,
    "textopsx.hf_value_exists": _value,
    "textopsx.include_hf_value": _value,
    "tm.t_on_branch": _callback("branch_rt", "branch_route"),
    "tm.t_on_branch_failure": _callback("event_rt", "event_route"),
    "tm.t_on_failure": _callback("failure_rt", "failure_route"),
    "tm.t_on_reply": _callback("onreply_rt", "onreply_route"),
    "tm.t_reply": _answer,
    "tm.t_send_reply": _answer,
    "tmx.t_cancel_callid": _call_id,
    "tmx.t_cancel_callid_reason": _call_id,
    "tmx.t_continue": _continue,
    "tmx.t_reply_callid": _call_id,
    "tmx.t_suspend": _suspends,
    "tsilo.ts_append": _uris,
    "tsilo.ts_append_by_contact": _uris,
    "tsilo.ts_append_by_contact_uri": _uris,
    "tsilo.ts_append_to_uri": _uris,
    "tsilo.ts_store_uri": _uris,
}

_NEED_TCP = frozenset({"msrp", "tcpops", "websocket"})
"""Modules of which every function does."""


def guard_of(function: str) -> Guard | None:
    """What looks at the arguments of a function; None for a function that takes any."""
    return GUARDS.get(function) or (_tcp if function.partition(".")[0] in _NEED_TCP else None)
