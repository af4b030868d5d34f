"""
``make compare``: made-up messages and steps on a real Kamailio and on ours, and what differs.

``python -m tools.compare [--seconds S] [--seed N] [--mode embedded|inside|ksr]``, or ``--replay FILE``. The exit status is 1
when there is a kind of difference, and 2 when nothing can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.installed import version
from tests.kamailio.rig import KAMAILIO, has_module
from tools.compare import ksr_core_steps, ksr_steps, steps
from tools.compare.apart import Apart, trouble
from tools.compare.cases import Case, compare, read_finding
from tools.compare.embedded import EmbeddedSide
from tools.compare.engines import daemon
from tools.compare.judge import Judge, Report, Side
from tools.compare.report import keep, played_text, text_of
from tools.compare.unstable import RETURN_CODE, until_refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HAS_APP_MONO = has_module("app_mono")  # Kamailio 6 has none
MODES = ("embedded", "inside", "ksr")
FOUND = Path(__file__).parents[2] / "build" / "compare"


def run(modes: Sequence[str], seconds: float, seed: int, first: int = 0) -> list[tuple[str, Report]]:
    """Judge for so many seconds, the same time in each mode; Ctrl-C ends it earlier."""
    reports: list[tuple[str, Report]] = []
    with contextlib.suppress(KeyboardInterrupt):
        print(f"seed {seed}, {seconds:g} s, Kamailio {release()} and ours: {', '.join(modes)}", flush=True)
        for mode in modes:
            with sides(mode) as (real, ours):
                judge = Judge(real, ours)
                reports.append((mode, judge.report))
                judge.run(_made(mode, seed, first), time.monotonic() + seconds / len(modes))
    return reports


def _made(mode: str, seed: int, first: int) -> Iterator[Case]:
    if mode != "ksr":
        return _judged(steps.cases(seed, first))
    both = zip(ksr_steps.cases(seed, first), ksr_core_steps.cases(seed, first), strict=False)
    return itertools.chain.from_iterable(both)


def release() -> str:
    """What is installed, for example ``5.6.3``."""
    assert KAMAILIO is not None
    told = subprocess.run([KAMAILIO, "-v"], capture_output=True, text=True, check=True).stdout
    return told.removeprefix("version: kamailio ").split()[0]


def _judged(cases: Iterable[Case]) -> Iterator[Case]:
    """
    What KEMI does as app_mono would: all of it, where there is app_mono.

    KEMI inserts a header at another place, and some functions leave the return code as it was.
    """
    for case in cases:
        called = next((number for number, step in enumerate(case.steps) if step[0] == "Core.ModF"), len(case.steps))
        yield (
            case
            if HAS_APP_MONO
            else case.with_steps(
                tuple(
                    step
                    for number, step in enumerate(case.steps)
                    if step[0] != "HDR.Insert" and not (number > called and RETURN_CODE.search(str(step[1])))
                )
            )
        )


@contextlib.contextmanager
def sides(mode: str) -> Iterator[tuple[Side, Side]]:
    """The real Kamailio, and ours in that mode."""
    has_ksr = mode == "ksr"
    with Apart("app_mono" if HAS_APP_MONO and not has_ksr else "kemi") as real:
        if has_ksr:
            yield real, EmbeddedSide(kamailio=version(), garbles=False)
        elif mode == "embedded":
            yield real, EmbeddedSide(kamailio=version(), garbles=HAS_APP_MONO)
        else:
            with daemon() as config, Apart("ours", config) as ours:
                yield real, ours


def replay(path: Path, modes: Iterable[str] | None = None) -> int:
    """
    Play findings again, and show both sides of each that still differs.

    Args:
        path: The file of one, or a directory of them.
        modes: Which of ours; None: that which the finding is of.

    Returns:
        1 when one differs, else 0.

    Raises:
        ValueError: There is no finding, or a file is none.
    """
    found = [read_finding(file) for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not found:
        raise ValueError(f"{path}: expected findings that make compare kept, files that end with .json")
    differ = 0
    for mode in modes or sorted({mode for mode, _ in found}):
        with sides(mode) as (real, ours):
            for case in (case for own, case in found if modes or own == mode):
                for side in (real, ours):
                    side.start()
                    side.send(case)
                expected, got = until_refused(case, real.collect(case), ours.collect(case))
                if compare(expected, got)[1] or not path.is_dir():
                    print(played_text(case, expected, got))
                differ += bool(compare(expected, got)[1])
    print(f"replay: {len(found)} findings, {differ} differ")
    return int(bool(differ))


def main(arguments: list[str]) -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tools.compare", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, in all modes together; default 60")
    parser.add_argument("--seed", type=int, help="of the cases; default: another one each time")
    parser.add_argument(
        "--mode", choices=MODES, action="append", help="which of ours; default: all, the same time each"
    )
    parser.add_argument("--first", type=int, default=0, help="the number of the first case; default 0")
    parser.add_argument("--replay", type=Path, metavar="PATH", help="play a finding again, or all of a directory")
    options = parser.parse_args(arguments)
    if not options.seconds > 0:
        parser.error(f"argument --seconds: expected more than 0: {options.seconds:g}")
    modes = options.mode or MODES
    if KAMAILIO is None or not has_module("app_python3"):
        print("compare: Kamailio and its Python module are not installed: make test-packages", file=sys.stderr)
        return 2
    if found := trouble():
        print(f"compare: a network namespace is needed, as root or with user namespaces: {found}", file=sys.stderr)
        return 2
    if options.replay:
        try:
            return replay(options.replay, options.mode)
        except ValueError as error:
            print(f"compare: {error}", file=sys.stderr)
            return 2
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    reports = run(modes, options.seconds, seed, options.first)
    for mode, report in reports:
        keep(mode, report, FOUND)
    print(text_of(reports, seed, kamailio=release(), kept=FOUND))
    return int(any(report.kinds for _, report in reports))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
