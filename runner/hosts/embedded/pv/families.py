"""Imports every family, so the registry is full. A new family is one more name here."""

from __future__ import annotations

from importlib import import_module

FAMILIES = (
    "avp",
    "branches",
    "charging",
    "clock",
    "destination",
    "fields",
    "flags",
    "headers",
    "htable",
    "identity",
    "lists",
    "network",
    "parties",
    "parts",
    "request",
    "routing",
    "scriptvars",
    "select",
    "server",
    "transaction",
    "xavp",
)


def load() -> None:
    """Fill the registry; the second call does nothing."""
    for family in FAMILIES:
        import_module(f"runner.hosts.embedded.pv.{family}")
