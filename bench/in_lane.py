"""
The process of a side that ``bench/lanes.py`` starts: ``mono_exec`` with the lane that the environment names.

Argument: the compiled script. Each line read is a number of runs; each line written has the nanoseconds of each run.
"""

from __future__ import annotations

import sys

from bench.library import execs, settings
from runner.runner import Runner


def main() -> None:
    """Answer each line until there are no more."""
    with Runner(settings()) as runner:
        block = execs(runner, sys.argv[1])
        for line in sys.stdin:
            print(*(round(time_s * 1e9) for time_s in block(int(line))), flush=True)


if __name__ == "__main__":
    main()
