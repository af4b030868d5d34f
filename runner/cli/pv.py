"""``app-mono pv``: what the embedded host knows of pseudo-variables, and their values on a message."""

from __future__ import annotations

import json as json_
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from runner.errors import ConfigError
from runner.hosts.embedded.pv import listing
from runner.hosts.embedded.pv.transform import transformations
from runner.hosts.embedded.value import CannotEvaluate
from runner.settings import Settings

from . import show
from .job import host_of, read_message

if TYPE_CHECKING:
    from runner.hosts.embedded.value import Value

HAS_VALUE, IS_NULL = 0, 1


def list_(containing: str, *, as_json: bool) -> int:
    """Variables and transformations whose name or meaning contains the text; 1 when there are none."""
    rows = [
        (listing.form(each), listing.meaning(each), "yes" if each.is_writable else "no", each.source)
        for each in listing.find(containing.removeprefix("$"))
    ]
    rows += [
        (listing.step(each), listing.meaning(each), "", each.source) for each in transformations(containing.strip("{}"))
    ]
    if as_json:
        names = ("name", "meaning", "writable", "source")
        show.line(json_.dumps([dict(zip(names, row, strict=True)) for row in rows]))
        return HAS_VALUE if rows else IS_NULL
    if not rows:
        show.note(f"no variable and no transformation has {containing!r} in its name or meaning")
        return IS_NULL
    table = Table(box=None, pad_edge=False)
    for name in ("name", "meaning", "writable", "source (Kamailio)"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    show.table(table)
    return HAS_VALUE


def get(expression: str, message: str, config: str | None, *, anyway: bool, as_json: bool) -> int:
    """
    The value of one expression, as bytes, with a line end; null prints nothing and gives 1.

    Raises:
        ConfigError: There is no message, Kamailio would have dropped it (``anyway`` reads it all the same), the
            settings are wrong, or the expression is no variable or fails on it.
    """
    settings = Settings.from_file(config) if config else Settings()
    host = host_of(read_message(message), message, settings, anyway=anyway)
    try:
        value = listing.get(host.context, expression)
    except CannotEvaluate as error:
        why = error or "is no expression, or fails on this message"
        if not expression.startswith("$"):
            why = "an expression starts with $ and a name, in a shell in single quotes: '$ru'"
        raise ConfigError(f"{expression or repr('')}: {why}") from error
    if as_json:
        show.line(json_.dumps(_as_json(expression, value)))
    elif value.text is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(value.text + b"\n")
        sys.stdout.buffer.flush()
    elif value.number is not None:
        show.line(str(value.number))
    else:
        show.note("null")
    return IS_NULL if value.is_null else HAS_VALUE


def _as_json(expression: str, value: Value) -> dict[str, object]:
    """As JSON: what ``PV.GetS`` and ``PV.GetI`` give, and whether it is null."""
    text = None if value.text is None else value.text.decode("utf-8", "surrogateescape")
    number = value.number if value.is_integer and value.number is not None else 0
    return {"expression": expression, "text": text, "number": number, "is_null": value.is_null}
