"""
What a script's fault does to a Kamailio: embedded app_mono beside ours. ``python -m bench.faults`` prints the table.

Each fault gets a Kamailio of its own with two children. The script misbehaves for the user "bad" only. One request for
"bad", then one for "good"; told are how long each waited for its answer, and whether Kamailio is still the same.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.daemon import ROOT, RunningDaemon
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.kamailio.routes import built_for_app_mono

PATIENCE_S = 3.0
OURS = ROOT / "kamailio" / "app_mono.py"

FAULTS = {
    "exception that nobody catches": 'throw new Exception("fault");',
    "exception on a background thread": (
        'new Thread(() => { throw new Exception("fault"); }).Start(); Thread.Sleep(200);'
    ),
    "Environment.Exit": "Environment.Exit(3);",
    "Environment.FailFast": 'Environment.FailFast("fault");',
    "stack overflow": "return Deeper(0);",
    "endless loop": "while (true) { }",
    "deadlock": "lock (Gate) { var other = new Thread(() => { lock (Gate) { } }); other.Start(); other.Join(); }",
    "Thread.Abort of itself": "Thread.CurrentThread.Abort();",
    "kills its own process": "System.Diagnostics.Process.GetCurrentProcess().Kill(); Thread.Sleep(9000);",
    "closes descriptors 0 to 20": "for (int fd = 0; fd <= 20; fd++) close(fd);",
    "garbage to every open descriptor": "for (int fd = 0; fd < 64; fd++) write(fd, new byte[100], (IntPtr)100);",
    "1,000 threads": "for (int i = 0; i < 1000; i++) new Thread(() => Thread.Sleep(3000)).Start();",
    "reads its standard input": "Console.In.ReadToEnd();",
}
SOURCE = """
using System;
using System.Runtime.InteropServices;
using System.Threading;

class Fault
{{
    static readonly object Gate = new object();

    [DllImport("libc")] static extern int close(int fd);
    [DllImport("libc")] static extern IntPtr write(int fd, byte[] bytes, IntPtr count);

    static int Deeper(int depth) {{ return Deeper(depth + 1) + 1; }}

    static int Main()
    {{
        if (SR.PV.GetS("$rU") == "bad")
        {{
            {0}
        }}
        return 0;
    }}
}}
"""


def asked(site: Peer, user: str) -> str:
    """One request: how long its answer took."""
    began = time.monotonic()
    reply = site.ask(site.request(uri=f"sip:{user}@example.com", call_id=f"{user}-{began}"), PATIENCE_S)
    took_ms = (time.monotonic() - began) * 1000
    if reply is None:
        return "no answer"
    return f"{'true' if reply.startswith(b'SIP/2.0 200') else 'false'} after {took_ms:.0f} ms"


def tried(kamailio: Kamailio) -> str:
    """What one Kamailio made of both requests."""
    before = sorted(kamailio.children())
    with Peer(kamailio.port) as bad, Peer(kamailio.port) as good:
        first = asked(bad, "bad")
        second = asked(good, "good") if kamailio.is_alive else "no answer"
        if kamailio.is_alive and second != "no answer":
            # Both children should be asked: the one that ran the fault, too.
            later = [asked(good, "good") for _ in range(4)]
            second = "no answer" if "no answer" in later else second
    if not kamailio.is_alive:
        fate = "**Kamailio has ended**"
    elif sorted(kamailio.children()) != before:
        fate = "**a process of Kamailio has died**"
    else:
        is_lost = "no answer" in {first, second}
        fate = "**a process of Kamailio never comes back**" if is_lost else "Kamailio lives"
    return f"{first}; the next: {second}; {fate}"


def run(body: str, directory: Path) -> tuple[str, str]:
    """One fault on both sides: embedded, ours."""
    directory.mkdir()
    source = directory / "Fault.cs"
    source.write_text(SOURCE.format(body), encoding="utf-8")
    script = built_for_app_mono(source, directory / "scripts")
    route = '\nrequest_route {{\n\tif ({call}) sl_send_reply("200", "True"); else sl_send_reply("404", "False");\n}}\n'
    told = []
    for name in ("embedded", "ours"):
        port = free_udp_port()
        with ExitStack() as stack:
            env = {}
            if name == "embedded":
                cfg = preamble(port, ["kex", "sl", "pv", "app_mono"], children=2)
                cfg += f'modparam("app_mono", "load", "{script}")' + route.format(call="mono_run()")
            else:
                daemon = stack.enter_context(RunningDaemon(directory, f'load = "{script}"\nmax_workers = 4'))
                env = {"APP_MONO_CONFIG": str(daemon.config)}
                cfg = preamble(port, ["kex", "sl", "pv", "app_python3"], children=2)
                cfg += f'modparam("app_python3", "load", "{OURS}")' + route.format(call='python_exec("mono_run")')
            kamailio = stack.enter_context(Kamailio(cfg, directory / name, port, env))
            with Peer(port) as peer:
                for _ in range(6):
                    asked(peer, "good")
            told.append(tried(kamailio))
    return told[0], told[1]


def main() -> None:
    """Print the table; arguments choose faults by a part of their name."""
    print("| fault | embedded app_mono | ours |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for number, (fault, body) in enumerate(FAULTS.items()):
            if len(sys.argv) > 1 and not any(word in fault for word in sys.argv[1:]):
                continue
            embedded, ours = run(body, Path(name) / str(number))
            print(f"| {fault} | {embedded} | {ours} |", flush=True)


if __name__ == "__main__":
    main()
