"""
The parser of the embedded host at 1 to 64 KiB: ``python -m bench.parser``. Its time must grow linearly with the size.

One run parses a message, reads four variables and renders it twice. It prints microseconds for each KiB, and how much
more a KiB costs at 64 KiB than at 4 KiB.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from runner import sip
from runner.hosts.embedded.host import MessageHost

if TYPE_CHECKING:
    from collections.abc import Callable

KIB = 1024
SIZES = (1, 2, 4, 8, 16, 32, 64)
RUNS = 7
HEAD = (
    b"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n%sFrom: %s<sip:alice@example.org>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s"
)


def message(
    uri: bytes = b"sip:bob@example.com", via: bytes = b"", name: bytes = b"", more: bytes = b"", body: bytes = b""
) -> bytes:
    """An INVITE with one long part."""
    return HEAD % (uri, via, name, more, len(body), body)


KINDS: dict[str, Callable[[int], bytes]] = {
    "many headers": lambda size: message(more=b"X-Header: value\r\n" * (size // 17)),
    "one long header": lambda size: message(more=b"X-Header: " + b"a b" * (size // 3) + b"\r\n"),
    "one header of many lines": lambda size: message(more=b"X-Header: a\r\n" + b" folded\r\n" * (size // 9)),
    "a long body": lambda size: message(body=b"a=line\r\n" * (size // 8)),
    "many Vias": lambda size: message(via=b"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2\r\n" * (size // 45)),
    "many Contacts in one header": lambda size: message(
        more=b"Contact: <sip:a@b>" + b", <sip:a@b>" * (size // 11) + b"\r\n"
    ),
    "a long display name": lambda size: message(name=b'"' + b"\\a b" * (size // 4) + b'" '),
    "a quote that does not close": lambda size: message(name=b'"' + b"a" * size),
    "a long URI": lambda size: message(uri=b"sip:" + b"a" * size + b"@example.com"),
    "many URI parameters": lambda size: message(uri=b"sip:bob@example.com" + b";p=v" * (size // 4)),
    "many colons and at signs": lambda size: message(uri=b"sip:" + b"a:b@" * (size // 4) + b"example.com"),
    "open brackets": lambda size: message(more=b"Contact: " + b"<" * size + b"\r\n"),
    "blanks": lambda size: message(more=b"X-Header:" + b" " * size + b"x\r\n"),
    "no line end": lambda size: message()[:-4] + b"X" * size,
}


def run(data: bytes) -> None:
    """Do what an exec does before and after its script."""
    host = MessageHost(sip.parse(data))
    for name in ("$ru", "$rU", "$ci", "$fu", "$fn", "$ct", "$hdr(X-Header)", "$(hdr(Via)[-1])"):
        host.get_s(name)
    host.set_s("$rU", "123")
    host.message_bytes()
    host.forwarded()
    host.reply(404, "Not Found")


def best_us(data: bytes) -> float:
    """CPU time of the fastest of several runs, in microseconds."""
    times = []
    for _ in range(RUNS):
        began = time.process_time_ns()
        run(data)
        times.append(time.process_time_ns() - began)
    return min(times) / 1000


def main() -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("us for each KiB at")
    for size in SIZES:
        table.add_column(f"{size} KiB", justify="right")
    table.add_column("64 / 4", justify="right")
    for kind, make in KINDS.items():
        costs = {size: best_us(make(size * KIB)) / size for size in SIZES}
        ratio = costs[SIZES[-1]] / costs[4]
        table.add_row(kind, *(f"{cost:.1f}" for cost in costs.values()), f"{ratio:.2f}")
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
