"""
Compiles the lane in C into one file for every Python from 3.11 on, where a C compiler and Python's headers are there.

Must not import anything of ours: pyproject's build hook, ``hatch_build.py``, loads this file by its path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = "_lane.abi3.so"
FLAGS = (
    *("-O2", "-Wall", "-fPIC", "-shared", "-fvisibility=hidden"),
    *("-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now"),
)
COMPILE_S = 100
MOST_SHOWN = 5  # lines of what the compiler says


def sources(folder: Path = FOLDER) -> list[Path]:
    """The files in C, headers among them; none where the package was installed without them."""
    return sorted([*folder.glob("_*.c"), *folder.glob("_*.h")])


def digest(folder: Path = FOLDER) -> str:
    """What the library was built from, if it says the same in ``SOURCES``; empty where there are no sources."""
    files = sources(folder)
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest() if files else ""


def ensure(folder: Path = FOLDER, flags: tuple[str, ...] = FLAGS, into: Path | None = None) -> str:
    """
    Build the library unless it is there and of these sources. Running processes keep the one that they have.

    Args:
        folder: Where the sources are.
        flags: For the compiler.
        into: The folder of the library; None: that of the sources.

    Returns:
        Why there is none, and what to install; empty when there is one.
    """
    import subprocess  # noqa: PLC0415  # a process of Kamailio imports this module, and compiles nothing
    import sysconfig  # noqa: PLC0415  # the same

    into = into or folder
    wanted, library = digest(folder), into / LIBRARY
    with suppress(OSError):
        if wanted and wanted.encode() in library.read_bytes():
            return ""
    compiler, headers = os.environ.get("CC") or "cc", sysconfig.get_path("include")
    if not wanted:
        return f"{folder} has no sources in C: install app-mono from a checkout"
    if shutil.which(compiler.split()[0]) is None:
        return f"there is no C compiler, {compiler}: apt-get install gcc, then `make build`"
    if not (Path(headers) / "Python.h").is_file():
        return f"{headers} has no Python.h: apt-get install python3-dev, then `make build`"
    files = [str(path) for path in sources(folder) if path.suffix == ".c"]
    try:
        with tempfile.TemporaryDirectory(dir=into, prefix=".building-") as made:
            new = Path(made) / LIBRARY
            command = [*compiler.split(), *flags, f'-DSOURCES="{wanted}"', f"-I{headers}", *files, "-o", str(new)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_S)
            if done.returncode != 0:
                said = "\n".join(done.stderr.splitlines()[:MOST_SHOWN])
                return f"{compiler} ended with {done.returncode}: {said}"
            new.replace(library)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{library} cannot be built: {error}"
    return ""
