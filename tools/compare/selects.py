"""Paths of ``$sel(...)``: every name of core/select_core.h, with indexes and nested forms."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from tools.compare.headers import HEADER_NAMES

if TYPE_CHECKING:
    from tools.compare.dice import Dice

_URI = """
.type .user .rn_user .pwd .host .port .hostport .transport .params .params.x .params.lr .params.transport .params.user
.params["r2"] .x
"""
_ADDRESS = ".name .tag .params.tag .params.q .params.x .params .params.expires .uri"
_VIA = """
.name .version .transport .host .port .comment .branch .received .rport .i .alias .params.x .params.branch .params.ttl
.params .params.rport .params.maddr
"""
_CONTACT = ".q .expires .methods .received .instance .uri .name .params.x .params.expires .params.q .params"
_AUTH = """
.username .username.user .username.domain .realm .nonce .uri .cnonce .nc .response .opaque .algorithm .qop .x
"""
_ANY_HEADER = """
.uri .uri.user .uri.params .name .params.x .params.tag .p.x .param.q .param.expires .nameaddr .nameaddr.uri .nameaddr.name
.nameaddr.params.x .nameaddr.params .nameaddr.uri.host .params .params.params.x
"""
_PLAIN = """
call_id call-id expires max_forwards event event.x event.params.id content_type content_length subject organization
priority session_expires min_se user_agent sip_if_match date identity identity_info server rr require supported accept
accept_language allow content_disposition content_encoding diversion unsupported proxy_require retry_after cseq cseq.num
cseq.method method version status code reason src.ip src.port src.ip_port src dst.ip dst.port dst.ip_port dst received
received.ip received.port received.proto received.ip_port received.proto_ip_port msg msg.first_line msg.flags msg.len
msg.type msg.header msg.h msg.body msg.content msg.body.sdp msg.request msg.req msg.req.method msg.request.uri
msg.request.version msg.response msg.res msg.response.status msg.res.code msg.response.reason msg.response.version
message.len branch branch.count branch.uri branch.uri[0] branch.uri[1] branch.dst_uri branch.dst_uri[0] branch.q
branch.q[0] branch.uriq branch.uriq[0] sys sys.server_id sys.x cfg_get.core.debug cfg_get.core.max_len cfg_get.core.x
cfg_get.x next_hop next_hop.src_ip ruri dst_uri x nonsense.x
"""
_HEADERS = "from f to t refer_to rpid remote_party_id contact m record_route rr"
_URIS = "ruri request_uri dst_uri next_hop from.uri to.uri contact.uri rr.uri rpid.uri msg.request.uri branch.uri[0]"
_VIAS = "via v via[1] via[2] via[-1] via[-2] via[0] via[9]"
_REALMS = '["a.example"] [\\"a.example\\"] .a ["b"]'
_CREDENTIALS = "auth authorization www_authorization proxy_auth proxy_authorization"
_LINES = '.m .c .o .a .v .s .t .x [1].m ["a=rtpmap"] .m[1]'


def _joined(heads: str, tails: str) -> list[str]:
    return [head + tail for head, tail in product(heads.split(), ["", *tails.split()])]


_FAMILIES = (
    _joined(_HEADERS, _ADDRESS),
    _joined(_HEADERS, _ADDRESS),
    _joined(_VIAS, _VIA),
    _joined("contact m", _CONTACT),
    _joined(_URIS, _URI),
    [credentials + rest for credentials in _CREDENTIALS.split() for rest in _joined(_REALMS, _AUTH)],
    _joined("msg.body.sdp.line", _LINES),
    _PLAIN.split(),
)
_INDEXES = ("", "", "", "[1]", "[2]", "[-1]", "[-2]", "[*]", "[0]", ".a", "[9]")
_KINDS = ("hf_value", "hf_value", "hf_value2", "hf_value_exists", "msg.header", "msg.h")


def _any_header(dice: Dice) -> str:
    name = dice.of(HEADER_NAMES)
    written = dice.one(name, name.lower(), name.replace("-", "_"), name.replace("-", "_").lower())
    return f"{dice.of(_KINDS)}.{written}{dice.of(_INDEXES)}{dice.of(['', *_ANY_HEADER.split()])}"


def select(dice: Dice) -> str:
    """A ``sel(...)`` of a name that exists, mostly."""
    path = _any_header(dice) if dice.maybe(0.15) else dice.of(dice.of(_FAMILIES))
    if dice.maybe(0.05):
        path = dice.one("@" + path, path.upper(), path + ".x", path + "[0]", path + "[1]", "." + path, path + ".")
    return f"sel({path})"
