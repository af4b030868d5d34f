"""
What lies where on this machine: the Kamailio side of this package, Kamailio's modules, the daemon's settings.

Must not change anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Literal

from runner.errors import ConfigError

CONFIG = Path("/etc/app-mono/app-mono.toml")
APP_PYTHON3, APP_PYTHON3S = "app_python3", "app_python3s"
MODULES = ("/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/local/lib*/kamailio/modules")
_ANSWERS_S = 5.0  # `kamailio -v` takes 10 ms
_RELEASE = re.compile(r"version: kamailio (\d+)\.(\d+)")
_SIX = (6, 0)


def executable() -> str | None:
    """The program ``kamailio`` of this machine; None when there is none."""
    return shutil.which("kamailio", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


@lru_cache(maxsize=1)
def version() -> Literal["5.6", "6.0"]:
    """
    The nearest version that the embedded host knows and that is not above the installed Kamailio.

    5.6 where none is installed, or an older one. The program is asked once.
    """
    program = executable()
    if program is None:
        return "5.6"
    try:
        told = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=_ANSWERS_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "5.6"
    found = _RELEASE.search(told)
    return "6.0" if found is not None and (int(found[1]), int(found[2])) >= _SIX else "5.6"


def kamailio_side() -> Path:
    """
    The directory with what a Kamailio administrator installs: ``kamailio/`` of a checkout, or where pip puts it.

    That is ``PREFIX/share/app-mono/kamailio``: no part of it names a version of Python.

    Raises:
        ConfigError: It is in neither place.
    """
    package = Path(__file__).resolve().parent
    shared = (above / "share" / "app-mono" / "kamailio" for above in package.parents)
    for place in (package.parent / "kamailio", *shared):
        if (place / "minimal.cfg").is_file():
            return place
    raise ConfigError(
        f"{package}: expected the directory kamailio beside it, or share/app-mono/kamailio above it: reinstall app-mono"
    )


def script(module: str = APP_PYTHON3) -> Path:
    """The file that this module of Kamailio loads."""
    return kamailio_side() / ("app_mono.py" if module == APP_PYTHON3 else "app_mono_s.py")


def modules() -> Path | None:
    """The directory with Kamailio's ``app_python3.so``, or with its other modules; None when there is none."""
    found = sorted(place for pattern in MODULES for place in Path("/").glob(pattern[1:]) if place.is_dir())
    for module in (APP_PYTHON3, APP_PYTHON3S):
        for place in found:
            if (place / f"{module}.so").is_file():
                return place
    return found[0] if found else None


def module() -> str:
    """The module of Kamailio that runs Python: app_python3s where that alone is installed, else app_python3."""
    place = modules()
    is_alone = place is not None and not (place / f"{APP_PYTHON3}.so").is_file()
    return APP_PYTHON3S if is_alone and place and (place / f"{APP_PYTHON3S}.so").is_file() else APP_PYTHON3
