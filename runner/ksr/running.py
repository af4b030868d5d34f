"""
The functions that a running Kamailio has: what ``app_python.api_list`` says, asked through its socket for ``kamcmd``.

Must not start anything but ``kamcmd``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from runner.errors import ConfigError

from .functions import Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Collection

PLACES = "/usr/sbin:/usr/local/sbin"
ANSWERS_S = 10.0  # 1,000 functions take 40 ms
COMMANDS = ("app_python.api_list", "app_python3s.api_list")  # of app_python3, and of app_python3s

# modules/app_python3/apy_kemi.c, app_python_rpc_api_list. It says "none" where there are no parameters, and nothing
# where one is a long: that is missing in core/kemi.c, _sr_kemi_param_map.
_FUNCTION = re.compile(r"func: \{\s*ret: (\w+)\s*module: (\w*)\s*name: (\w+)\s*params: ([\w, ]*)")


def functions_of(socket: str | None = None) -> list[Function]:
    """
    The functions that a running Kamailio exports to Python, in the order of their names.

    Their parameters have no names there, so they are ``p1``, ``p2``; nor does it say which module they are of.

    Args:
        socket: What ``kamcmd -s`` takes, for example ``unix:/run/kamailio/ctl``; None: where ctl listens by default.

    Raises:
        ConfigError: There is no kamcmd, nobody answers there, or that Kamailio runs no Python.
    """
    kamcmd = shutil.which("kamcmd") or shutil.which("kamcmd", path=PLACES)
    if kamcmd is None:
        raise ConfigError("kamcmd is not installed: apt-get install kamailio")
    where = socket or "kamcmd's own socket"
    told = ""
    for command in COMMANDS:
        try:
            asked = [kamcmd, *(["-s", socket] if socket else []), command]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=ANSWERS_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"{where}: expected Kamailio to answer kamcmd: {error}") from error
        told = (done.stdout + done.stderr).strip()
        if found := parse(done.stdout):
            return found
        if "command" not in told:  # it has none of that name: "error: 500 - command app_python.api_list not found"
            break
    if "not found" in told:
        raise ConfigError(f'{where}: this Kamailio runs no Python: loadmodule "app_python3.so" ({told})')
    raise ConfigError(
        f"{where}: expected a running Kamailio to answer there: {told or 'nothing came'}; "
        'it needs loadmodule "ctl.so", and --rpc says which socket its modparam("ctl", "binrpc", ...) names'
    )


def parse(text: str) -> list[Function]:
    """The functions in what kamcmd prints."""
    found = set()
    for ret, module, name, kinds in _FUNCTION.findall(text):
        given = [] if kinds == "none" else kinds.split(", ")  # [""] for one of which it says nothing
        parameters = tuple(Parameter(kind, f"p{number}") for number, kind in enumerate(given, 1))
        found.add(Function(module, name, parameters, ret, ()))
    return sorted(found)


def described(found: Collection[Function], known: Collection[Function]) -> tuple[list[Function], list[Function]]:
    """
    What was found, as a list has it, with the names of parameters and modules; and what the list does not have.

    A function is another one when it takes other parameters.
    """
    by_key = {(each.full_name, kinds): each for each in known for kinds in (each.kinds, _said(each.kinds))}
    keys = {each: (each.full_name, each.kinds) for each in found}
    return (
        [by_key[key] for key in keys.values() if key in by_key],
        [each for each, key in keys.items() if key not in by_key],
    )


def _said(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """What a Kamailio says of these parameters."""
    return ("",) if "long" in kinds else kinds
