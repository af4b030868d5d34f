"""
What lies where on this machine: the Kamailio side of this package, Kamailio's modules, the daemon's settings.

Must not change anything.
"""

from __future__ import annotations

from pathlib import Path

from runner.errors import ConfigError

CONFIG = Path("/etc/app-mono/app-mono.toml")
MODULES = ("/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/local/lib*/kamailio/modules")


def kamailio_side() -> Path:
    """
    The directory with what a Kamailio administrator installs: ``kamailio/`` of a checkout, or its copy in the package.

    Raises:
        ConfigError: It is in neither place.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "kamailio_side", package.parent / "kamailio"):
        if (place / "minimal.cfg").is_file():
            return place
    raise ConfigError(f"{package}: expected the directory kamailio beside it, or kamailio_side in it: install it again")


def script() -> Path:
    """``app_mono.py``, which app_python3 loads."""
    return kamailio_side() / "app_mono.py"


def modules() -> Path | None:
    """The directory with Kamailio's ``app_python3.so``, or with its other modules; None when there is none."""
    found = sorted(place for pattern in MODULES for place in Path("/").glob(pattern[1:]) if place.is_dir())
    return next((place for place in found if (place / "app_python3.so").is_file()), found[0] if found else None)
