"""
Which functions the installed Kamailio has: started with its modules, a few at a time, and asked.

All of them together end in a segmentation fault, and app_python3 holds 1,024 functions (SR_APY_KSR_METHODS_SIZE).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner import installed
from runner.cli.private_kamailio import Kamailio, free_port, preamble
from runner.errors import ConfigError
from runner.ksr import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.ksr.functions import Function

PORT = 5062
SCRIPT = """
class Script:
    def child_init(self, rank):
        return 0

def mod_init():
    return Script()
"""
# What most modules need, loaded before them.
COMMON = ("kex", "tm", "tmx", "sl", "pv", "rr", "xhttp", "http_client", "json", "db_text", "usrloc", "presence", "auth")
# Those that read a database when they start. Kamailio ships its tables as files of db_text.
OF_A_DATABASE = frozenset(
    """
    auth_db domain domainpolicy drouting group imc lcr msilo permissions pdt presence presence_xml sca secfilter
    sipcapture siptrace speeddial topos uri_db userblocklist xcap_client xcap_server acc carrierroute dialplan pua rls
    mtree alias_db
    """.split()  # noqa: SIM905  # readable as it is
)
TABLES = "/usr/share/kamailio/dbtext/kamailio"
# Other modules that a module needs, loaded before it.
NEEDS: dict[str, tuple[str, ...]] = {
    "presence_dialoginfo": ("dialog",),
    "presence_xml": ("xcap_client",),
    "pua_dialoginfo": ("dialog", "pua"),
    "pua_json": ("pua",),
    "pua_reginfo": ("pua",),
    "pua_rpc": ("pua",),
    "pua_usrloc": ("pua",),
    "pua_xmpp": ("pua", "xmpp"),
    "qos": ("dialog",),
    "rls": ("pua",),
    "sst": ("dialog",),
    "tsilo": ("registrar",),
    "uac_redirect": ("acc",),
}
# What has to be set for it to start. {directory} is private to the start and has the file "empty".
PARAMETERS: dict[str, tuple[str, ...]] = {
    name: tuple(f'modparam("{name}", "{parameter}", {value})' for parameter, value in given.items())
    for name, given in {
        "app_ruby": {"load": '"{directory}/empty"'},
        "auth_ephemeral": {"secret": '"x"'},
        "call_obj": {"start": "1", "end": "9"},
        "dispatcher": {"list_file": '"{directory}/empty"'},
        "dmq": {"server_address": '"sip:127.0.0.1:{port}"'},
        "kazoo": {"node_hostname": '"x"'},
        "lcr": {"gw_uri_avp": '"$avp(a)"', "ruri_user_avp": '"$avp(b)"'},
        "mqtt": {"host": '"127.0.0.1"'},
        "mtree": {"mtree": '"name=x;dbtable=mtree"'},
        "pua_reginfo": {"default_domain": '"127.0.0.1"', "server_address": '"sip:127.0.0.1"'},
        "pua_usrloc": {"default_domain": '"127.0.0.1"'},
        "pua_xmpp": {"server_address": '"sip:127.0.0.1"'},
        "qos": {"qos_flag": "5"},
        "rls": {"server_address": '"sip:127.0.0.1"', "xcap_root": '"http://127.0.0.1"'},
        "sst": {"sst_flag": "6"},
        "xhttp_pi": {"framework": '"/etc/kamailio/pi_framework.xml"'},
    }.items()
}


def modules() -> list[str]:
    """The names of the modules of this machine, without ``.so``."""
    place = installed.modules()
    return sorted(path.stem for path in place.glob("*.so")) if place else []


def exported(names: Sequence[str]) -> list[Function]:
    """
    The functions of a Kamailio that has these modules, and those that they need.

    Raises:
        ConfigError: It does not start with them; the text has its first errors.
    """
    python = installed.module()
    wanted: dict[str, None] = {}
    lines: list[str] = []
    there = set(modules())
    for name in (*(each for each in COMMON if each in there), *names):
        _want(name, wanted, lines)
    with tempfile.TemporaryDirectory() as made, free_port(PORT) as port:
        directory = Path(made)
        (directory / "empty").touch()
        (directory / "script.py").write_text(SCRIPT, "ascii")
        socket = f"unix:{directory}/ctl"
        loaded = [name for name in wanted if name not in {"ctl", python}]
        cfg = preamble(port, [*loaded, "ctl", python], debug=1)
        cfg += f'modparam("ctl", "binrpc", "{socket}")\nmodparam("{python}", "load", "{directory}/script.py")\n'
        cfg += "".join(f"{line}\n" for line in lines).replace("{directory}", made).replace("{port}", str(port))
        cfg += "request_route {\n\texit;\n}\nevent_route[xhttp:request] {\n\texit;\n}\n"
        with Kamailio(cfg, directory, port):
            return running.functions_of(socket)


def exported_apart(names: Sequence[str]) -> tuple[set[Function], dict[str, str]]:
    """
    The functions of these modules, and why some of them do not start, by their names.

    Halves of what does not start together are tried apart.
    """
    try:
        return set(exported(names)), {}
    except ConfigError as error:
        if len(names) == 1:
            return set(), {names[0]: str(error)}
    half = len(names) // 2
    (found, failed), (more, also) = exported_apart(names[:half]), exported_apart(names[half:])
    return found | more, failed | also


def _want(name: str, wanted: dict[str, None], lines: list[str]) -> None:
    if name in wanted:
        return
    for other in NEEDS.get(name, ()):
        _want(other, wanted, lines)
    wanted[name] = None
    lines += PARAMETERS.get(name, ())
    if name in OF_A_DATABASE:
        lines.append(f'modparam("{name}", "db_url", "text://{TABLES}")')
