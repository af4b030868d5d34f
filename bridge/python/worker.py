"""One worker process for scripts in Python: takes over the wire, says ready, then loads and runs scripts.

``sh -c 'exec "$@" 3<&0 4>&1 </dev/null >&2' sh python3 -I -X utf8 worker.py MAX_LINE_BYTES LEFTOVER COPIES BUILDS``

docs/protocol.md has what is said. SR/wire.py has the lines, SR/calls.py what a script asks, SR/scripts.py how one is
loaded, and SR/__init__.py is what scripts see.
"""

from __future__ import annotations

import os
import sys

# Its directory is no place for the modules of a script, so nothing else is found in it.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from SR.serve import main

del sys.path[0]

if __name__ == "__main__":
    main(sys.argv[1:])
