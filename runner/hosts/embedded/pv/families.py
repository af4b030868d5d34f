"""
Every family of pseudo-variables and of transformations. Importing this module fills both registries.

A new family is one more name here.
"""
# ruff: noqa: F401 - each registers its own when it is imported

from . import (
    avp,
    branches,
    charging,
    clock,
    destination,
    fields,
    flags,
    headers,
    htable,
    identity,
    lists,
    network,
    next_hop,
    parties,
    parts,
    request,
    scriptvars,
    select,
    server,
    transaction,
    xavp,
)
from .selects import config, credentials, message, party, surroundings, transactions, values, via
from .transformations import codec, cut, edit, escape, line, nameaddr, param, re, sock, text, uri, urialias, val
