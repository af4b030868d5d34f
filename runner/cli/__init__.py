"""
``app-mono``: a thin shell over the runner for people and scripts.

Must not import anything slow here: a Ctrl-C while the rest is imported has to end as cleanly as any other.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main() -> NoReturn:
    """The console command. Ends the process: 0 true, 1 false, 2 it failed or bad usage, 130 Ctrl-C, 143 TERM."""
    code = 2
    try:
        from .app import start  # noqa: PLC0415 - see the module's docstring

        code = start(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        # While the rest was imported, or after the command: the command itself says it.
        sys.stderr.write("ended by Ctrl-C\n")
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`): what is left in the buffer goes nowhere, silently.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
