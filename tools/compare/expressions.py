"""Expressions over a message: every pseudo-variable that the embedded host knows, names, indexes and transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import runner.hosts.embedded.host  # noqa: F401 - registers the variables
from runner.hosts.embedded.pv.registry import Variable, variables
from runner.hosts.embedded.value import CannotEvaluate
from tools.compare.headers import HEADER_NAMES
from tools.compare.selects import select
from tools.compare.transformations import transformation

if TYPE_CHECKING:
    from tools.compare.dice import Dice

_NAMES = """
0 1 2 7 31 32 -1 a b c x ABC uri user domain host port proto protoid name display branch rport received i q Q all value
genaddr orig term min max body sess_version len buf hdrs hdrc fline fpart lpart body_len hdrs_len id u U d p P dst_uri path
send_socket count flags ruid location_ua duri dhost dport dproto dprotoid cntvia cntrr TEXT NUMBER EMPTY NONE full num hash
ver key table=>a table=>b table=>~~^A table=>~%a table=>%~a table=>==a table=>eq5 table=>** none=>a =>a a=>b a[0]=>b a[1] a[*] a=>b[0] s:a i:1 IPv4 IPv6 UDP TCP TLS SCTP WS WSS udp main alt
params comment transport tag code reason method raw cb ip sproto af sip sport srcip rcvip srcport rcvport reply_code
branch_index sec year wday s t
"""
_OTHER_NAMES = _NAMES.split()
_FORMATS = {"timef": ("%Y",), "utimef": ("%Y",)}
_OF_HEADERS = {"hdr", "hdrc", "hfl", "hflc"}
_INDEXES = ("[0]", "[1]", "[2]", "[-1]", "[-2]", "[-3]", "[*]", "[9]", "[10000]", "[]", "[x]", "[$var(a)]")
# Transactions, and expressions over their messages: tested by the tests of the routes.
_LEFT_OUT = {"sel", "_s", "T_inv", "T_req", "T_rpl"}
VARIABLES = [variable for variable in variables() if variable.name not in _LEFT_OUT]
_WEIGHTS = {"hdr": 8, "hfl": 8, "hflc": 3, "hdrc": 2, "sdp": 3, "expires": 3, "via0": 3, "via1": 3, "viaZ": 2, "ct": 2}
_RARE = """
time utime timef utimef TF Tf TS Ts Tb TV C K env envn def defn T T_branch snd sndto sndfrom rcv stat version ksr pp mi
sruid shtrecord shtitkey shtitval hfitname hfitbody blitval
"""
_CHOICES = [v for v in VARIABLES for _ in range(1 if v.name in _RARE.split() else 4 * _WEIGHTS.get(v.name, 1))]


def _accepted(variable: Variable) -> tuple[str, ...]:
    parse = variable.parse_name
    assert parse is not None

    def is_accepted(name: str) -> bool:
        try:
            parse(name.encode())
        except CannotEvaluate:
            return False
        return True

    return tuple(name for name in _OTHER_NAMES if is_accepted(name))


NAMES = {v.name: HEADER_NAMES if v.name in _OF_HEADERS else _accepted(v) for v in VARIABLES if v.parse_name is not None}
"""The names that fit into the parentheses of a variable. One that only Kamailio knows is tried now and then."""


def variable(dice: Dice) -> str:
    """A variable with its name and index, without ``$`` and without transformations."""
    if dice.maybe(0.12):
        return select(dice)
    found = dice.of(_CHOICES)
    if found.parse_name is None:
        text = found.name + dice.maybe(0.01, "(a)")
    else:
        known = _FORMATS.get(found.name) or NAMES[found.name]
        text = f"{found.name}({dice.of(known) if known and dice.maybe(0.96) else dice.of(_OTHER_NAMES)})"
    if dice.maybe(0.25 if found.takes_index else 0.015):
        text += dice.of(_INDEXES)
    return text


def expression(dice: Dice) -> str:
    """Something to read."""
    text = variable(dice)
    changes = "".join(transformation(dice) for _ in range(dice.one(0, 0, 0, 0, 1, 1, 1, 2, 3)))
    is_plain = not changes and "[" not in text.partition(")")[2]
    whole = f"${text}" if is_plain and dice.maybe(0.7) else f"$({text}{changes})"
    if dice.maybe(0.01):
        whole = dice.one(whole + " ", whole + " x", whole[:-1], whole.replace("(", "( ", 1), " " + whole, "$" + whole,
                         whole.upper(), "$", "")  # fmt: skip
    return whole
