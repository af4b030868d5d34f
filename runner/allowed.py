"""Which files may be run at all: under the directories that the administrator named, and not anybody's to change.

Must not know what is in a file.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ScriptInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = (".exe", ".dll")


def check_allowed(path: str, directories: Sequence[Path] | None) -> None:
    """
    Refuse a script that is not under one of ``directories``, symlinks resolved first on both sides.

    A file that is missing, or a symlink to itself, is not refused here. None allows every file.

    Raises:
        ScriptInvalid: It lies elsewhere, has another extension, or everybody may write to it or to its directory.
    """
    if directories is None:
        return
    try:
        real = os.path.realpath(path, strict=True)
    except (OSError, ValueError) as error:
        # A link to itself leads nowhere, so it is as good as missing: the last good build goes on.
        if not isinstance(error, FileNotFoundError) and getattr(error, "errno", 0) != errno.ELOOP:
            raise ScriptInvalid(f"{path}: cannot be resolved: {error}") from error
        real = os.path.realpath(path)
    if not any(Path(real).is_relative_to(os.path.realpath(directory)) for directory in directories):
        shown = ", ".join(map(str, directories)) or "none"
        where = path if real == path else f"{path} (really {real})"
        raise ScriptInvalid(f"{where}: is not in a directory of script_dirs ({shown})")
    if not real.lower().endswith(SUFFIXES):
        raise ScriptInvalid(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    for place in (real, str(Path(real).parent)):
        try:
            mode = Path(place).stat().st_mode
        except OSError:
            continue
        if mode & stat.S_IWOTH and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
            raise ScriptInvalid(f"{path}: everybody may write to {place}: chmod o-w {place}")
