"""
The peer pythonnet: mono inside Python. It runs in an environment of its own; `bench/library.py` starts it.

Arguments: the compiled PeerHost, the script, a message. Each line read is a number of runs; each line written has the
time of each run in nanoseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pythonnet

pythonnet.load("mono")

import clr  # noqa: E402

from runner import sip  # noqa: E402
from runner.calls import CALLS  # noqa: E402
from runner.hosts.embedded.host import MessageHost  # noqa: E402

peer_host, script, message = sys.argv[1:]
clr.AddReference(peer_host)

from PeerHost import Peer  # type: ignore[import-not-found]  # noqa: E402
from System import Action, Func, Int32, String  # type: ignore[import-not-found]  # noqa: E402

host: MessageHost
methods = {name: call.method for name, call in CALLS.items()}
Peer.OnText = Func[String, String, String](lambda call, name: getattr(host, methods[call])(name))
Peer.OnNumber = Func[String, String, Int32](lambda call, name: getattr(host, methods[call])(name))
Peer.OnTwoTexts = Func[String, String, String, Int32](lambda call, name, text: getattr(host, methods[call])(name, text))
Peer.OnTextAndNumber = Func[String, String, Int32, Int32](
    lambda call, name, number: getattr(host, methods[call])(name, number)
)
Peer.OnLog = Action[Int32, String](lambda level, text: host.log(level, text))  # noqa: PLW0108 - the host is another each time
main = Peer.Load(script)
parsed = sip.parse(Path(message).read_bytes())

for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        host = MessageHost(parsed)
        began = time.perf_counter_ns()
        code = main.Invoke()
        times.append(time.perf_counter_ns() - began)
        if code != 0:
            sys.exit(f"the script gave {code}")
    print(*times, flush=True)
