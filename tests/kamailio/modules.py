"""
What each module of Kamailio needs to start in a test: other modules, parameters, files; or why it does not start.

A module that is not named here starts with BASE alone. In parameters {place} is the directory of the test and {port} the
server's UDP port; db_text has the empty tables of Debian's package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BASE = ("pv", "sl", "tm", "tmx", "rr", "textops", "textopsx", "siputils", "maxfwd", "xlog", "usrloc", "db_text")
EMPTY_TABLES = Path("/usr/share/kamailio/dbtext/kamailio")


@dataclass(frozen=True)
class Start:
    """How a module is started."""

    needs: tuple[str, ...] = ()
    """Modules loaded before it, and before BASE where it says so."""
    parameters: str = ""
    """Lines of ``module|name|value``; a number is one, all else is text."""
    routes: str = ""
    """Routes that it looks for."""
    files: tuple[tuple[str, str], ...] = ()
    """Files beside the configuration: name and text."""
    tcp: bool = False
    hep: bool = False
    """It takes nothing but datagrams in the envelope of the protocol HEP."""
    cannot: str = ""
    """Why it does not start in a test; then only its table is checked."""


def _database(module: str, *more: str) -> Start:
    return Start(needs=more, parameters=f"{module}|db_url|text://{EMPTY_TABLES}")


_PUA = ("pua",)
_HTTP = "event_route[xhttp:request] { return; }"
_RADIUS = "{place}/radius.conf"
_RADIUS_FILES = (
    (
        "radius.conf",
        "nas-identifier a\nauthserver 127.0.0.1:9:secret\nacctserver 127.0.0.1:9:secret\ndictionary {place}/dictionary\n"
        "radius_timeout 1\nradius_retries 1\nbindaddr *\n",
    ),
    ("dictionary", "$INCLUDE /etc/radcli/dictionary\n$INCLUDE /etc/kamailio/dictionary.kamailio\n" + "".join(f"ATTRIBUTE {name} {number} string\n" for number, name in enumerate(("SIP-From-Tag","SIP-To-Tag","SIP-Call-Id","SIP-Request-Hash","Sip-Response-Code","Sip-Method","Sip-Call-Id"), 240)) + "VALUE Service-Type Sip-Verify-Destination 21\nVALUE Service-Type Sip-Verify-Source 22\n"),
)
_DIAMETER = (
    '<?xml version="1.0" encoding="UTF-8"?><DiameterPeer FQDN="a.example" Realm="example" Vendor_Id="10415"'
    ' Product_Name="CDiameterPeer" AcceptUnknownPeers="0" DropUnknownOnDisconnect="1" Tc="30" Workers="1" QueueLength="8"'
    ' TransactionTimeout="5" SessionsHashSize="8" DefaultAuthSessionTimeout="60" MaxAuthSessionTimeout="60">'
    '<Auth id="16777216" vendor="10415"/></DiameterPeer>'
)
STARTS: dict[str, Start] = {
    "acc_diameter": Start(needs=("acc",)),
    "acc_json": Start(needs=("acc", "jansson", "mqueue")),
    "acc_radius": Start(needs=("acc",), parameters=f"acc_radius|radius_config|{_RADIUS}", files=_RADIUS_FILES),
    "alias_db": _database("alias_db"),
    "app_lua_sr": Start(needs=("app_lua",)),
    "app_perl": Start(parameters="app_perl|filename|{place}/x.pl", files=(("x.pl", "1;\n"),)),
    "app_ruby": Start(parameters="app_ruby|load|{place}/x.rb", files=(("x.rb", "\n"),)),
    "auth_db": _database("auth_db", "auth"),
    "auth_ephemeral": Start(parameters="auth_ephemeral|secret|x", needs=("auth",)),
    "auth_radius": Start(needs=("auth",), parameters=f"auth_radius|radius_config|{_RADIUS}", files=_RADIUS_FILES),
    "call_control": Start(needs=("dialog",)),
    "call_obj": Start(parameters="call_obj|start|1\ncall_obj|end|10"),
    "carrierroute": _database("carrierroute"),
    "cdp": Start(parameters="cdp|config_file|{place}/peer.xml", files=(("peer.xml", _DIAMETER),)),
    "cdp_avp": Start(needs=("cdp",), parameters="cdp|config_file|{place}/peer.xml", files=(("peer.xml", _DIAMETER),)),
    "ims_auth": Start(needs=("cdp", "cdp_avp"), parameters="cdp|config_file|{place}/peer.xml", files=(("peer.xml", _DIAMETER),)),
    "ims_charging": Start(needs=("cdp", "cdp_avp", "ims_dialog"), parameters="cdp|config_file|{place}/peer.xml\nims_dialog|dlg_flag|4", files=(("peer.xml", _DIAMETER),)),
    "ims_icscf": Start(needs=("cdp", "cdp_avp"), parameters=f"cdp|config_file|{{place}}/peer.xml\nims_icscf|db_url|text://{EMPTY_TABLES}", files=(("peer.xml", _DIAMETER),)),
    "ims_dialog": Start(parameters="ims_dialog|dlg_flag|4"),
    "cplc": Start(parameters=f"cplc|db_url|text://{EMPTY_TABLES}\ncplc|cpl_dtd_file|{{place}}/x.dtd", files=(("x.dtd", "<!ELEMENT cpl ANY>\n"),)),
    "misc_radius": Start(parameters=f"misc_radius|radius_config|{_RADIUS}", files=_RADIUS_FILES),
    "peering": Start(parameters=f"peering|radius_config|{_RADIUS}", files=_RADIUS_FILES),
    "mohqueue": Start(needs=("rtpproxy",), parameters=f"mohqueue|db_url|text://{EMPTY_TABLES}\nmohqueue|mohdir|/tmp\nrtpproxy|rtpproxy_sock|udp:127.0.0.1:9"),
    "pua_bla": Start(needs=_PUA, parameters=f"pua|db_url|text://{EMPTY_TABLES}\npua_bla|server_address|sip:a@127.0.0.1\npua_bla|default_domain|a.example\npua_bla|header_name|Sender"),
    "pua_usrloc": Start(needs=_PUA, parameters=f"pua|db_url|text://{EMPTY_TABLES}\npua_usrloc|default_domain|a.example"),
    "pua_xmpp": Start(needs=("pua", "presence", "xmpp"), parameters=f"pua|presence|db_url|text://{EMPTY_TABLES}\npua_xmpp|server_address|sip:a@127.0.0.1"),
    "pua_dialoginfo": Start(needs=("pua", "dialog"), parameters=f"pua|db_url|text://{EMPTY_TABLES}"),
    "rls": Start(needs=("presence", "pua"), parameters=f"pua|presence|rls|db_url|text://{EMPTY_TABLES}\nrls|xcap_db_url|text://{EMPTY_TABLES}\nrls|rlpres_db_url|text://{EMPTY_TABLES}\nrls|server_address|sip:a@127.0.0.1\nrls|xcap_root|http://127.0.0.1:9"),
    "ldap": Start(parameters="ldap|config_file|{place}/ldap.cfg", files=(("ldap.cfg", "[s]\nldap_server_url = \"ldap://127.0.0.1:9\"\n"),)),
    "qos": Start(needs=("dialog",), parameters="qos|qos_flag|3"),
    "sst": Start(needs=("dialog",), parameters="sst|sst_flag|3"),
    "jsonrpcc": Start(parameters="jsonrpcc|servers|a:127.0.0.1,9"),
    "carrierroute": Start(parameters="carrierroute|config_source|db\ncarrierroute|db_url|text:///usr/share/kamailio/dbtext/kamailio"),
    "erlang": Start(parameters="erlang|cookie|x\nerlang|cnode_alivename|a\nerlang|cnode_host|localhost\nerlang|erlang_node_sname|b@localhost"),
    "nosip": Start(routes="event_route[nosip:msg] { exit; }"),
    "ndb_redis": Start(parameters="ndb_redis|server|name=a;addr=127.0.0.1;port=9\nndb_redis|init_without_redis|1"),
    "slack": Start(needs=("http_client",)), "lost": Start(needs=("http_client",)),
    "dialplan": _database("dialplan"),
    "dispatcher": Start(
        parameters="dispatcher|list_file|{place}/dispatcher.list", files=(("dispatcher.list", "1 sip:127.0.0.1:9\n"),)
    ),
    "dmq": Start(parameters="dmq|server_address|sip:127.0.0.1:{port}"),
    "domain": _database("domain"),
    "domainpolicy": _database("domainpolicy"),
    "drouting": _database("drouting"),
    "group": _database("group"),
    "imc": _database("imc"),
    "lcr": Start(parameters=f"lcr|db_url|text://{EMPTY_TABLES}\nlcr|gw_uri_avp|$avp(a)\nlcr|ruri_user_avp|$avp(b)"),
    "matrix": _database("matrix"),
    "msilo": _database("msilo"),
    "mtree": Start(parameters=f"mtree|db_url|text://{EMPTY_TABLES}\nmtree|mtree|name=t;dbtable=mtree"),
    "p_usrloc": Start(cannot="it needs two databases with its own tables"),
    "pdt": _database("pdt"),
    "presence_conference": _database("presence", "presence"),
    "presence_dialoginfo": _database("presence", "presence"),
    "presence_mwi": _database("presence", "presence"),
    "presence_profile": _database("presence", "presence"),
    "presence_reginfo": _database("presence", "presence"),
    "presence_xml": Start(needs=("xcap_client","presence"),parameters=f"presence|presence_xml|xcap_client|db_url|text://{EMPTY_TABLES}\npresence_xml|xcap_server|127.0.0.1:9"),
    "presence_dfks": _database("presence", "presence"),
    "presence": _database("presence"),
    "pua": _database("pua"),
    "speeddial": _database("speeddial"),
    "uri_db": _database("uri_db"),
    "userblocklist": _database("userblocklist"),
    "sca": _database("sca"),
    "secfilter": _database("secfilter"),
    "sipcapture": Start(parameters=f"sipcapture|db_url|text://{EMPTY_TABLES}\nsipcapture|insert_retries|1\nsipcapture|capture_on|1\nsipcapture|hep_capture_on|1", hep=True),
    "siptrace": _database("siptrace"),
    "topos": _database("topos"),
    "xcap_client": _database("xcap_client"),
    "xcap_server": _database("xcap_server"),
    "tsilo": Start(needs=("registrar",)),
    "uac_redirect": Start(needs=("acc",)),
    "websocket": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
    "xhttp": Start(routes=_HTTP, tcp=True),
    "xhttp_pi": Start(needs=("xhttp",), parameters="xhttp_pi|framework|/etc/kamailio/pi_framework.xml", routes=_HTTP, tcp=True),
    "xhttp_prom": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
    "xhttp_rpc": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
}
