"""
The inner loop of a script's author: run, wait for a save, run again, say what changed.

Looks at file stamps instead of asking the kernel: it works alike for editors that replace files, symbolic links and
network file systems, and a few stat calls ten times a second cost nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import show, trace

if TYPE_CHECKING:
    from .job import Job
    from .outcome import Outcome

LOOK_EVERY_S = 0.1
SETTLED_AFTER_S = 0.05  # a save may be several writes, and a compiler's output is
GONE_FOR_S = 0.5  # editors that replace a file may leave its name empty for a moment

Stamps = dict[str, tuple[int, int, int] | None]


def watch(job: Job, *, as_json: bool) -> None:
    """Run at once and after every save, until Ctrl-C."""
    previous: Outcome | None = None  # the last that had a result: what did not compile changed nothing
    count = compared = 0
    why = ""
    while True:
        seen = _stamps(job)
        count += 1
        if not as_json:
            show.heading(f"run {count}  {time.strftime('%H:%M:%S')}  {why or job.script}")
        result = job.run()
        if as_json:
            show.line(show.as_json([result]))
        else:
            show.outcome(result, Path(job.message).name)
            trace.table(result)
            show.timing([result])
            if previous is not None and result.after is not None:
                show.changes(previous, result, "the run before" if compared == count - 1 else f"run {compared}")
            show.note(f"watching {job.script}: save it to run again, Ctrl-C ends")
        if result.after is not None:
            previous, compared = result, count
        why = _await_save(job, seen)


def _await_save(job: Job, seen: Stamps) -> str:
    """Returns what was saved or deleted, once it has settled."""
    while (now := _stamps(job)) == seen:
        time.sleep(LOOK_EVERY_S)
    patience = time.monotonic() + GONE_FOR_S
    while True:
        time.sleep(SETTLED_AFTER_S)
        later = _stamps(job)
        is_gone = any(later.get(name) is None for name, stamp in seen.items() if stamp is not None)
        if later == now and (not is_gone or time.monotonic() > patience):
            break
        now = later
    changed = [name for name in {**seen, **now} if seen.get(name) != now.get(name)]
    there, gone = (
        [Path(name).name for name in changed if (now.get(name) is None) is is_gone] for is_gone in (False, True)
    )
    told = [f"{word} {', '.join(names)}" for word, names in (("saved", there), ("deleted", gone)) if names]
    return ", ".join(told) or f"saved {Path(job.script).name}"


def _stamps(job: Job) -> Stamps:
    stamps: Stamps = {}
    for path in job.watched():
        try:
            stat = path.stat()
            stamps[str(path)] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            stamps[str(path)] = None
    return stamps
