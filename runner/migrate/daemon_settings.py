"""
The ``app-mono.toml`` that goes with a configuration.

Must not read or write a file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .tokens import is_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sources import Source

TIMER = 1  # failure routes of calls that nobody answered
CHILDREN = 8  # Kamailio's default, core/config.h: CHILD_NO


def toml(script_dirs: Sequence[str], load: str | None, processes: int) -> str:
    """The text of the file: only what has to be set; everything else is at its default."""
    lines = [
        "# What app-mono serve and Kamailio's app_mono.py read. Every setting: docs/settings.md.",
        "",
        "# Only scripts in these directories are run, subdirectories included.",
        f"script_dirs = [{', '.join(map(quoted_value, script_dirs))}]",
    ]
    if load is not None:
        lines += ["", "# What mono_run runs.", f"load = {quoted_value(load)}"]
    lines += [
        "",
        "# One worker for each process of Kamailio that may run scripts: its children, and the timer's.",
        f"max_workers = {processes}",
    ]
    return "\n".join(lines) + "\n"


def quoted_value(value: str) -> str:
    """A string of TOML: its escapes are those of JSON, and one for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def processes(sources: Sequence[Source]) -> int:
    """How many processes may run scripts: the children for each UDP socket, those for TCP, and the timer's."""
    children = _number(sources, "children") or CHILDREN
    has_no_tcp = _word_after(sources, "disable_tcp") in {"yes", "true", "on", "1", "enable"}
    tcp = 0 if has_no_tcp else _number(sources, "tcp_children") or children
    sockets = sum(
        1
        for source in sources
        for token, after in zip(source.tokens, source.tokens[2:], strict=False)
        if token.value == "listen" and token.kind == "word" and after.value.lower() not in {"tcp", "tls", "ws", "wss"}
    )
    return children * max(1, sockets) + tcp + TIMER


def _number(sources: Sequence[Source], name: str) -> int:
    value = _word_after(sources, name)
    return int(value) if value.isdecimal() else 0


def _word_after(sources: Sequence[Source], name: str) -> str:
    """The last value of a core parameter; "" when it is not set."""
    value = ""
    for source in sources:
        for token, equals, word in zip(source.tokens, source.tokens[1:], source.tokens[2:], strict=False):
            if token.kind == "word" and token.value == name and is_mark(equals, "="):
                value = word.value
    return value
