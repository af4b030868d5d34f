"""
Write a list of KEMI's functions: ``python3 -m tools.ksr VERSION SOURCES``, for example ``5.6 ../kamailio-5.6.3``.

What the installed Kamailio of that version says is right. Its sources, of the same release, have the names of the
parameters, and the functions of the modules that do not start here. Install all of Debian's kamailio-*-modules first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from runner import installed
from runner.ksr import functions, running

from . import record, sources

HEAD = """\
# What Kamailio {version} exports to scripting languages (KEMI): {all} functions. Made by python3 -m tools.ksr.
# {said} of them were said by a running Kamailio (app_python.api_list). Those of the modules below are from its sources
# alone, because the module did not start, is not packaged, or exports nothing before the core is told to use it.
{modules}
"""


def main() -> None:
    """Record, compare, write; prints which modules did not start and why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", choices=functions.VERSIONS)
    parser.add_argument("sources", type=Path)
    options = parser.parse_args()
    if installed.version() != options.version:
        parser.error(f"expected Kamailio {options.version} to be installed, not {installed.version()}")
    written = sources.functions(options.sources)
    said = set()
    for name in record.modules():
        found, failed = record.exported_apart([name])
        said |= found
        for why in failed.values():
            print(f"{name}: {why}")  # noqa: T201  # a command that prints
    known, unknown = running.described(said, written)
    left = set(written) - set(known)
    modules = sorted({file for each in left for file in each.files})
    listed = sorted([*written, *unknown])
    head = HEAD.format(version=options.version, all=len(listed), said=len(said), modules=_folded(modules))
    functions.list_of(options.version).write_text(head + "".join(f"{each}\n" for each in listed), "ascii")
    for each in unknown:
        print(f"not in the sources: {each}")  # noqa: T201  # as above


def _folded(words: list[str], width: int = 118) -> str:
    lines = ["#"]
    for word in words:
        if len(lines[-1]) + len(word) > width:
            lines.append("#")
        lines[-1] += f" {word}"
    return "\n".join(lines)


if __name__ == "__main__":
    main()
