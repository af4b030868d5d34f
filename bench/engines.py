"""
What a fault costs in the languages that Kamailio runs in its own processes. ``python -m bench.engines`` prints a table.

Each fault gets a Kamailio of its own, with one process for SIP. The script misbehaves for the user "bad" only; the next
request, for "good", shows what is left.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble

SETTLED_S = 0.5  # Kamailio sees that one of its processes has died, and ends
PYTHON = """
import ctypes, os
class Methods:
    def child_init(self, rank): return 0
    def f(self, msg, *_):
        {}
def mod_init(): return Methods()
"""
ENGINES = {
    "app_lua": ("lua", 'lua_run("f")', "function f() {} end"),
    "app_python3": ("py", 'python_exec("f")', PYTHON),
    "app_jsdt": ("js", 'jsdt_run("f")', "function f() {{ {} }}"),
}
FAULTS = {
    "an exception": {
        "app_lua": 'error("fault")',
        "app_python3": 'raise ValueError("fault")',
        "app_jsdt": 'throw new Error("fault");',
    },
    "an endless loop": {
        "app_lua": "while true do end",
        "app_python3": "while True: pass",
        "app_jsdt": "while (true) {}",
    },
    "the script ends its process": {"app_lua": "os.exit(3)", "app_python3": "os._exit(3)"},
    "a crash of native code": {"app_python3": "ctypes.string_at(0)"},
}
ROUTE = """
modparam("{module}", "load", "{script}")
request_route {{
    if ($rU == "bad") {{ if ({call}) sl_send_reply("200", "True"); else sl_send_reply("404", "False"); exit; }}
    sl_send_reply("200", "Fine");
}}
"""


def seen(module: str, fault: str, directory: Path) -> str:
    """One fault of one language: the answer to it, whether the next request is answered, and whether Kamailio lives."""
    directory.mkdir()
    suffix, call, source = ENGINES[module]
    script = directory / f"script.{suffix}"
    script.write_text(source.format(fault), "utf-8")
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv", module]) + ROUTE.format(module=module, script=script, call=call)
    with Kamailio(cfg, directory, port) as kamailio, Peer(port) as peer:
        answer = peer.ask(peer.request(uri="sip:bad@example.com"))
        time.sleep(SETTLED_S)
        following = peer.ask(peer.request(uri="sip:good@example.com", call_id="2"))
        words = answer.split(b"\r\n")[0].split()[-1].decode().lower() if answer else "no answer"
        then = "the next is answered" if following else "the next is not answered"
        ends = not kamailio.is_alive or "terminating due to SIGCHLD" in kamailio.log()  # seen once: it takes its time
        return f"{words}; {then}; {'**Kamailio ends**' if ends else 'Kamailio lives'}"


def main() -> None:
    """Print the table."""
    modules = [module for module in ENGINES if has_module(module)]
    print(f"| fault | {' | '.join(modules)} |\n|---|{'---|' * len(modules)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for number, (what, sources) in enumerate(FAULTS.items()):
            cells = [
                seen(module, sources[module], Path(name) / f"{module}{number}") if module in sources else ""
                for module in modules
            ]
            print(f"| {what} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
