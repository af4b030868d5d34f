"""
KEMI's functions of module cfgutils: chance, and Kamailio's hash.

Locks, reports of memory and routes of the configuration are left out. Facts: modules/cfgutils/cfgutils.c,
core/hashes.h, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from runner.sip.scan import wrap

from .context import Process
from .hashes import core_hash
from .ksr_function import FALSE, TRUE, Function, with_bytes

if TYPE_CHECKING:
    from .context import Context

_PERCENT = 100
_BITS = 32


def _set_probability(context: Context, percent: int) -> int:
    context.process.probability = percent
    return TRUE


def _reset_probability(context: Context) -> int:
    return _set_probability(context, Process().probability)


def _event(context: Context) -> int:
    probability = context.process.probability
    if probability in {0, _PERCENT}:
        return TRUE if probability else FALSE
    return TRUE if random.random() < probability / _PERCENT else FALSE  # noqa: S311 - chance, no secret


def _core_hash(_: Context, first: bytes, second: bytes, bits: int) -> int:
    """A slot of a table with two to the power of ``bits``, from 1; of C's int the lower five bits count."""
    size = 2 if bits <= 0 else 1 << bits % _BITS
    return wrap((core_hash(first, *([second] if second else [])) & (size - 1)) + 1)


FUNCTIONS: dict[str, Function] = {
    "cfgutils.core_hash": Function("ssi", with_bytes(_core_hash)),
    "cfgutils.rand_event": Function("", with_bytes(_event)),
    "cfgutils.rand_get_prob": Function("", lambda host: host.context.process.probability),
    "cfgutils.rand_reset_prob": Function("", with_bytes(_reset_probability)),
    "cfgutils.rand_set_prob": Function("i", with_bytes(_set_probability)),
}
"""Every function offered."""
