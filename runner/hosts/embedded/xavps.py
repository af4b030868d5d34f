"""
Lists of extended values, of which several may have one name.

Must not know how a variable names them. Follows core/xavp.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .context import XavpNode


def named(nodes: list[XavpNode], name: bytes) -> list[XavpNode]:
    """Those of that name, in order."""
    return [node for node in nodes if node.name == name]


def searched(children: list[XavpNode], nodes: list[XavpNode]) -> list[XavpNode]:
    """core/xavp.c, xavp_get_internal: without a list it looks in the outer one, and one that was emptied is none."""
    return children or nodes


def place_of(values: list[XavpNode]) -> bytes:
    """How a list is printed: its address, or null once its last value is removed (pv_xavp.c, pv_xavp_get_value)."""
    return b"<<xavp:%#x>>" % id(values) if values else b"<<xavp:(nil)>>"
