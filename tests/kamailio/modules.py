"""
What each module of Kamailio needs to start in a test, or why it does not start there.

A module that is not named here starts with BASE alone. In parameters and files {place} is the directory of the test and
{port} the server's UDP port; the tables are the empty ones of module db_text in Debian's package.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = ("pv", "sl", "tm", "tmx", "rr", "textops", "textopsx", "siputils", "maxfwd", "xlog", "usrloc", "db_text")
TABLES = "text:///usr/share/kamailio/dbtext/kamailio"
_ATTRIBUTES = ("SIP-From-Tag", "SIP-To-Tag", "SIP-Call-Id", "SIP-Request-Hash")


@dataclass(frozen=True)
class Start:
    """How a module is started."""

    parameters: str = ""
    """Lines of ``module|name|value``; digits are a number, all else is text."""
    needs: tuple[str, ...] = ()
    """Modules loaded before it."""
    routes: str = ""
    """Routes that it looks for."""
    files: tuple[tuple[str, str], ...] = ()
    """Files beside the configuration: name and text."""
    tcp: bool = False
    hep: bool = False
    """It takes nothing but datagrams in the envelope of the protocol HEP."""
    is_slow: bool = False
    """Each call waits for a server that is not there, so it gets one request instead of five, and few arguments."""
    cannot: str = ""
    """Why it does not start; its functions are looked at in its table alone."""
    unseen: tuple[str, ...] = ()
    """What ModF would run in a module that does not start."""


def _tables(module: str, *needs: str, more: str = "") -> Start:
    return Start(f"{module}|db_url|{TABLES}\n{more}", needs=needs)


def _diameter(*needs: str, more: str = "") -> Start:
    peer = (
        '<?xml version="1.0"?><DiameterPeer FQDN="a.example" Realm="example" Vendor_Id="10415" Product_Name="a"'
        ' AcceptUnknownPeers="0" DropUnknownOnDisconnect="1" Tc="30" Workers="1" QueueLength="8"'
        ' TransactionTimeout="5" SessionsHashSize="8" DefaultAuthSessionTimeout="60" MaxAuthSessionTimeout="60">'
        '<Auth id="16777216" vendor="10415"/></DiameterPeer>'
    )
    return Start(f"cdp|config_file|{{place}}/peer.xml\n{more}", needs=needs, files=(("peer.xml", peer),))


def _radius(module: str) -> Start:
    server = "authserver 127.0.0.1:9:secret\nacctserver 127.0.0.1:9:secret\nradius_timeout 1\nradius_retries 1\n"
    dictionary = "$INCLUDE /etc/radcli/dictionary\n$INCLUDE /etc/kamailio/dictionary.kamailio\n"
    dictionary += "".join(f"ATTRIBUTE {name} {number} string\n" for number, name in enumerate(_ATTRIBUTES, 240))
    dictionary += "VALUE Service-Type Sip-Verify-Destination 21\nVALUE Service-Type Sip-Verify-Source 22\n"
    return Start(
        f"{module}|radius_config|{{place}}/radius.conf",
        files=(
            ("radius.conf", f"nas-identifier a\n{server}dictionary {{place}}/dictionary\nbindaddr *\n"),
            ("dictionary", dictionary),
        ),
        is_slow=True,
    )


_HTTP = "event_route[xhttp:request] { return; }"
_NO_SERVER = "a server has to answer it: "
_NO_V2_TABLES = "it needs tables in MySQL or PostgreSQL"
_NO_MODULE = "it is no module of its own; another one loads it"
STARTS: dict[str, Start] = {
    "acc_diameter": Start(cannot=f"{_NO_SERVER}Diameter"),
    "acc_json": Start(needs=("acc", "jansson", "mqueue")),
    "acc_radius": Start(cannot=f"{_NO_SERVER}RADIUS, with a dictionary of its own"),
    "alias_db": _tables("alias_db"),
    "app_lua_sr": Start(needs=("app_lua",)),
    "app_perl": Start(cannot="its Perl does not start here"),
    "app_python3s": Start(cannot="it is loaded instead of app_python3"),
    "app_ruby": Start("app_ruby|load|{place}/x.rb", files=(("x.rb", "\n"),)),
    "app_ruby_proc": Start(cannot=_NO_MODULE),
    "auth_db": _tables("auth_db", "auth"),
    "auth_diameter": Start(cannot=f"{_NO_SERVER}Diameter"),
    "auth_ephemeral": Start("auth_ephemeral|secret|x", needs=("auth",)),
    "auth_radius": Start(cannot=f"{_NO_SERVER}RADIUS, with a dictionary of its own"),
    "call_control": Start(needs=("dialog",)),
    "call_obj": Start("call_obj|start|1\ncall_obj|end|10"),
    "carrierroute": Start(cannot="it needs a table with a carrier"),
    "cdp": _diameter(),
    "cdp_avp": _diameter("cdp"),
    "cfg_db": Start(cannot=_NO_V2_TABLES),
    "cnxcc": Start(cannot=f"{_NO_SERVER}Redis"),
    "cplc": Start(
        f"cplc|db_url|{TABLES}\ncplc|cpl_dtd_file|{{place}}/x.dtd", files=(("x.dtd", "<!ELEMENT cpl ANY>\n"),)
    ),
    "db2_ldap": Start(cannot=f"{_NO_SERVER}LDAP"),
    "db_perlvdb": Start(cannot="it needs a database written in Perl"),
    "dialplan": _tables("dialplan"),
    "dispatcher": Start(
        "dispatcher|list_file|{place}/dispatcher.list", files=(("dispatcher.list", "1 sip:127.0.0.1:9\n"),)
    ),
    "dmq": Start("dmq|server_address|sip:127.0.0.1:{port}"),
    "domain": _tables("domain"),
    "domainpolicy": _tables("domainpolicy"),
    "drouting": _tables("drouting"),
    "erlang": Start(cannot=f"{_NO_SERVER}an Erlang node"),
    "file_out": Start(cannot="it needs files to write to"),
    "geoip": Start(cannot="it needs a database of places"),
    "geoip2": Start(cannot="it needs a database of places"),
    "group": _tables("group"),
    "h350": Start(cannot=f"{_NO_SERVER}LDAP"),
    "htable": Start("htable|htable|t=>size=4;"),
    "imc": _tables("imc"),
    "ims_auth": _diameter("cdp", "cdp_avp"),
    "ims_charging": _diameter("cdp", "cdp_avp", "ims_dialog", more="ims_dialog|dlg_flag|4"),
    "ims_dialog": Start("ims_dialog|dlg_flag|4"),
    "ims_diameter_server": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_icscf": _diameter("cdp", "cdp_avp", more=f"ims_icscf|db_url|{TABLES}"),
    "ims_ipsec_pcscf": Start(cannot="it needs IPsec of the kernel"),
    "ims_ocs": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_qos": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_qos_npn": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_registrar_pcscf": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_registrar_scscf": Start(cannot=f"{_NO_SERVER}Diameter"),
    "ims_usrloc_scscf": Start(cannot=f"{_NO_SERVER}Diameter"),
    "influxdbc": Start(
        cannot=f"{_NO_SERVER}InfluxDB", unseen=("influxdbc_measureend", "influxdbc_push", "influxdbc_subend")
    ),
    "janssonrpcc": Start(cannot=f"{_NO_SERVER}JSON-RPC"),
    "jsonrpcc": Start(cannot=f"{_NO_SERVER}JSON-RPC"),
    "kafka": Start(cannot=f"{_NO_SERVER}Kafka"),
    "kazoo": Start(cannot=f"{_NO_SERVER}RabbitMQ"),
    "lcr": _tables("lcr", more="lcr|gw_uri_avp|$avp(a)\nlcr|ruri_user_avp|$avp(b)"),
    "ldap": Start(cannot=f"{_NO_SERVER}LDAP", unseen=("ldap_result_next",)),
    "log_custom": Start(cannot="it sends the log to a server"),
    "lwsc": Start(is_slow=True),
    "lost": Start(needs=("http_client",)),
    "matrix": _tables("matrix"),
    "microhttpd": Start(routes="event_route[microhttpd:request] { return; }"),
    "misc_radius": _radius("misc_radius"),
    "mohqueue": _tables(
        "mohqueue", "rtpproxy", more="mohqueue|mohdir|{place}\nrtpproxy|rtpproxy_sock|udp:127.0.0.1:9"
    ),
    "mqtt": Start(cannot=f"{_NO_SERVER}MQTT"),
    "mqueue": Start("mqueue|mqueue|name=t;size=9"),
    "msilo": _tables("msilo"),
    "mtree": _tables("mtree", more="mtree|mtree|name=t;dbtable=mtree"),
    "nats": Start(cannot=f"{_NO_SERVER}NATS"),
    "ndb_mongodb": Start(cannot=f"{_NO_SERVER}MongoDB"),
    "ndb_redis": Start("ndb_redis|server|name=a;addr=127.0.0.1;port=9\nndb_redis|init_without_redis|1"),
    "nosip": Start(routes="event_route[nosip:msg] { exit; }"),
    "pdb": Start(cannot=f"{_NO_SERVER}PDB"),
    "pdt": _tables("pdt"),
    "peering": _radius("peering"),
    "p_usrloc": Start(cannot=_NO_V2_TABLES),
    "prefix_route": Start(cannot=_NO_V2_TABLES, unseen=("prefix_route",)),
    "presence": _tables("presence"),
    "presence_conference": _tables("presence", "presence"),
    "presence_dfks": Start(cannot="it needs a symbol that module presence does not lend"),
    "presence_dialoginfo": _tables("presence", "presence"),
    "presence_mwi": _tables("presence", "presence"),
    "presence_profile": _tables("presence", "presence"),
    "presence_reginfo": _tables("presence", "presence"),
    "presence_xml": _tables(
        "presence|presence_xml|xcap_client", "xcap_client", "presence", more="presence_xml|xcap_server|127.0.0.1:9"
    ),
    "pua": _tables("pua"),
    "pua_bla": _tables(
        "pua", "pua",
        more="pua_bla|server_address|sip:a@127.0.0.1\npua_bla|default_domain|a.example\npua_bla|header_name|Sender",
    ),
    "pua_dialoginfo": _tables("pua", "pua", "dialog"),
    "pua_json": _tables("pua|presence", "pua", "presence", "json"),
    "pua_reginfo": _tables(
        "pua", "pua", more="pua_reginfo|default_domain|a.example\npua_reginfo|server_address|sip:a@127.0.0.1"
    ),
    "pua_rpc": _tables("pua", "pua"),
    "pua_usrloc": _tables("pua", "pua", more="pua_usrloc|default_domain|a.example"),
    "pua_xmpp": _tables(
        "pua|presence", "pua", "presence", "xmpp", more="pua_xmpp|server_address|sip:a@127.0.0.1"
    ),
    "qos": Start("qos|qos_flag|3", needs=("dialog",)),
    "rabbitmq": Start(cannot=f"{_NO_SERVER}RabbitMQ"),
    "regex": Start("regex|file|{place}/regex", files=(("regex", "[0]\n^a\n"),)),
    "rls": _tables(
        "pua|presence|rls|xcap_client", "presence", "xcap_client", "pua",
        more=f"rls|xcap_db_url|{TABLES}\nrls|rlpres_db_url|{TABLES}\nrls|server_address|sip:a@127.0.0.1\n"
        "rls|xcap_root|http://127.0.0.1:9",
    ),
    "sca": _tables("sca"),
    "secfilter": _tables("secfilter"),
    "secsipid_proc": Start(cannot=_NO_MODULE),
    "sipcapture": Start(
        f"sipcapture|db_url|{TABLES}\nsipcapture|insert_retries|1\nsipcapture|capture_on|1\n"
        "sipcapture|hep_capture_on|1",
        hep=True,
    ),
    "siptrace": _tables("siptrace"),
    "slack": Start(needs=("http_client",)),
    "sms": Start(cannot="it needs a modem", unseen=("sms_send_msg",)),
    "speeddial": _tables("speeddial"),
    "sqlops": Start(f"sqlops|sqlcon|t=>{TABLES}"),
    "sst": Start("sst|sst_flag|3", needs=("dialog",)),
    "statistics": Start("statistics|variable|t"),
    "tcpops": Start(tcp=True),
    "topos": _tables("topos"),
    "topos_htable": Start(cannot="it needs hash tables of its own"),
    "topos_redis": Start(cannot=f"{_NO_SERVER}Redis"),
    "tsilo": Start(needs=("registrar",)),
    "uac_redirect": Start(needs=("acc",)),
    "uid_auth_db": Start(cannot=_NO_V2_TABLES),
    "uid_avp_db": Start(cannot=_NO_V2_TABLES),
    "uid_domain": Start(cannot=_NO_V2_TABLES),
    "uid_uri_db": Start(cannot=_NO_V2_TABLES),
    "uri_db": _tables("uri_db"),
    "userblocklist": _tables("userblocklist"),
    "websocket": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
    "xcap_client": _tables("xcap_client"),
    "xcap_server": _tables("xcap_server"),
    "xhttp": Start(routes=_HTTP, tcp=True),
    "xhttp_pi": Start(cannot="it needs a MySQL server", unseen=("dispatch_xhttp_pi",)),
    "xhttp_prom": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
    "xhttp_rpc": Start(needs=("xhttp",), routes=_HTTP, tcp=True),
}  # fmt: skip
