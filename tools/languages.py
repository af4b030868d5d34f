"""
The tables of docs/languages.md: what scripts do to a runner, as tests/runtimes/test_shelf.py saw and recorded it.

``python -m tools.languages`` writes them into the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "languages.md"
RECORDED = ROOT / "tests" / "runtimes" / "shelf.json"
BEGIN, END = "<!-- written by `python -m tools.languages`; do not edit -->\n", "<!-- as far as here -->\n"

Rows = dict[str, dict[str, str]]
"""What happens, by what the script does and by language."""


def recorded() -> Rows:
    """What was seen."""
    found: Rows = json.loads(RECORDED.read_text("utf-8"))
    return found


def written(page: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """
    The page with these rows.

    Raises:
        ValueError: The page has no place for them.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"expected {BEGIN!r} and later {END!r} in the page")
    same = {what: set(cells.values()).pop() for what, cells in rows.items() if len(set(cells.values())) == 1}
    differs = {what: cells for what, cells in rows.items() if what not in same}
    languages = list(next(iter(rows.values())))
    parts = [
        "The same in each of them:\n",
        _table(["a script that", "what happens"], [[what, cell] for what, cell in same.items()]),
        "Not the same:\n",
        _table(["a script that", *languages], [[what, *cells.values()] for what, cells in differs.items()]),
    ]
    return head + begin + "\n" + "\n".join(parts) + "\n" + end + tail


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(
        f"|{'|'.join(cells if cells[0] == '---' else (f' {cell} ' for cell in cells))}|\n" for cells in lines
    )


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8"), recorded()), "utf-8")
