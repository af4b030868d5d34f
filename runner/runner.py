"""Runner: puts the parts together. ``mono_exec`` and ``mono_run`` of the old module, out of process.

Must not know which host answers, nor what a worker says on its wire.
"""

from __future__ import annotations

import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Self

from runner.pool.pools import Pools
from runner.pool.warming import is_no_loss
from runner.runtimes.known import Runtimes
from runner.scripts.current import CurrentScripts
from runner.scripts.poison import Poison
from runner.worker.host_calls import call_id
from runner.worker.loading import try_load
from runner.worker.outcome import ExecOutcome, Profile
from runner.worker.rundir import BLOBS, run_directory
from runner.worker.stderr import Drain
from runner.worker.worker import Worker, never

from .at_once import AtOnce
from .bridges import Bridges
from .errors import ExecTimeout, RunnerError, ScriptError, WorkerError, WorkerGone
from .exec_counts import ExecCounts
from .job import ExecResult, Job, Timing, require_mode
from .settings import Settings
from .worker import confine, sandbox

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from runner.control.status import ScriptStatus
    from runner.pool.slot import PoolSnapshot, Slot
    from runner.pool.warming import FirstRun
    from runner.scripts.generation import Generation
    from runner.scripts.stamps import Stamps

    from .at_once import Asked
    from .calls import Host

__all__ = ["ExecResult", "Runner", "Timing"]

log = logging.getLogger("runner")


class Runner:
    """
    Runs scripts in warm workers. A context manager; the workers live as long as the block.

    One mode at a time, as in app_mono: with ``load`` set ``mono_run`` runs that script as it was at start, and
    ``mono_exec`` is refused; without it only ``mono_exec`` works. But ``mono_exec`` of that very script, which is what
    a routing script (KEMI) does, makes it live until the next ``reset``. May be called from many threads.

    Raises:
        ConfigError: On entering: ``load`` names no file, or ``worker_user`` or ``sandbox`` is not possible here.
        ScriptError: On entering: what ``load`` names cannot be run.
        BuildError: On entering: the bridge could not be built.
        WorkerFailedToStart: On entering: a runtime does not start.

    Args:
        settings: The settings; None: the defaults, and what the environment says.
        begins_with: The runtimes that have to start, and have workers from then on; None: those that the settings
            name. Others have some from their first script on.
    """

    def __init__(self, settings: Settings | None = None, begins_with: Sequence[str] | None = None) -> None:
        self.settings = settings or Settings()
        self.runtimes = Runtimes(self.settings)
        self._begins_with = self.runtimes.first if begins_with is None else begins_with
        self.poison = Poison(self.settings)
        self.announce: Callable[[Generation], object] = lambda _: None
        """Told each build of a script that changed, before anybody asks for it."""
        self._counts = ExecCounts()
        self._parts = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as parts:
            sandbox.find(self.settings.sandbox)
            user = confine.user(self.settings)
            self._directory = parts.enter_context(run_directory(None if user is None else user.gid))
            self._bridges = Bridges(self._directory, self.settings.mono)
            self._drain = parts.enter_context(Drain())
            self.scripts = CurrentScripts(self.settings, self._directory / BLOBS, self.prepare, self.poison.of_compiler)
            self.pools = Pools(
                self.runtimes.settings_of, self._start, self.poison, lost=self.poison.note, loaded=self.scripts.accept
            )
            parts.callback(self.pools.close)
            parts.callback(self.scripts.close)
            self._at_once = AtOnce(self.scripts, self.pools, self.poison, self._exec, self._counts)
            self._first_worker()
            self._pinned = self._pin()
            for kept in self.pools.all():
                kept.keep()
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def mono_exec(
        self,
        path: str | os.PathLike[str],
        param: str | None = None,
        *,
        host: Host,
        timeout_s: float | None = None,
        entry: str | None = None,
        spent: dict[str, int] | None = None,
    ) -> ExecResult:
        """
        Run the script at ``path`` as it is on disk now.

        Args:
            path: The assembly; the host expands the variables in it.
            param: The one argument of Main or of the entry, expanded as well; None gives none.
            host: Answers the script's calls.
            timeout_s: Longest time for all of it, in seconds; None takes ``exec_timeout_s``.
            entry: The public static method to run; None is Main.
            spent: Filled with where the time goes, as ``Profile`` does; None: nothing is measured.

        Returns:
            The result; whatever fails is in its ``error``.

        Raises:
            ConfigError: ``load`` names another script: this runner serves ``mono_run`` only.
        """
        path = str(path)
        asked: Asked | None = None
        limit_s = self.settings.exec_timeout_s if timeout_s is None else timeout_s
        if self._pinned is None and spent is None:
            done = self._at_once.exec(path, param, host, limit_s, entry)
            if isinstance(done, ExecResult):
                return done
            asked = done
        require_mode(path, self.settings.load)
        job = Job(host, limit_s, ExecOutcome(), entry, asked and asked[0])
        job.outcome.profile = None if spent is None else Profile(spent)
        return self._execute(job, path, param, asked)

    def mono_run(self, param: str | None = None, *, host: Host, timeout_s: float | None = None) -> ExecResult:
        """
        Run the script that ``load`` names, as it was at start or at the last ``reset``.

        Raises:
            ConfigError: ``load`` is not set: this runner serves ``mono_exec`` only.
        """
        require_mode(None, self.settings.load)
        limit_s = self.settings.exec_timeout_s if timeout_s is None else timeout_s
        return self._execute(Job(host, limit_s, ExecOutcome()), None, param)

    def current(self, path: str | None) -> Generation:
        """
        The generation that runs now.

        Args:
            path: The script, for ``mono_exec``; None for ``mono_run``, which runs what ``load`` names.

        Raises:
            ConfigError: The runner is in the other mode.
            ScriptError: There is no such script, or it cannot be run, or it is refused for a while.
        """
        require_mode(path, self.settings.load)
        return self._current(path)

    def _current(self, path: str | None) -> Generation:
        if path is not None and self._pinned is not None:
            self.scripts.unpin(str(self.settings.load))
        generation = self.scripts.current(self._name(path))
        self.poison.check(generation)
        return generation

    def stamps(self, path: str | None) -> Stamps | None:
        """The stamps behind the last ``current`` of this path; None when ``current`` has to be called in any case."""
        return self.scripts.stamps(self._name(path))

    def _name(self, path: str | None) -> str:
        """The one name of what ``load`` names, however a client writes it; else the path."""
        return str(self.settings.load) if path is None or self._pinned is not None else path

    def snapshot(self) -> PoolSnapshot:
        """The workers as they are now, for people and tests."""
        return self.pools.snapshot()

    def counters(self) -> tuple[ScriptStatus, ...]:
        """What ``mono_exec`` and ``mono_run`` have counted, by script and build; see ``ExecCounts``."""
        return self._counts.status(self.scripts.reloads())

    def reset(self) -> None:
        """
        Replace every worker, and read ``load`` again.

        Raises:
            ConfigError, ScriptError: What ``load`` names now cannot be run; the old one goes on serving.
        """
        self._pinned = self._pin()
        self.pools.reset()

    def check(self, path: str | None, entry: str | None = None) -> None:
        """
        Load what ``current`` gives, so that what would fail at each exec is an error now.

        Raises:
            RunnerError: It cannot be loaded, or has no such entry.
        """
        generation = self.pools.loaded(self.current(path), self.scripts)
        if entry is not None:
            generation.foresight_of(entry)

    def prepare(self, path: str) -> None:
        """Load a script's new generation ahead on workers that have an older one. Errors are left to the next exec."""
        with contextlib.suppress(RunnerError):
            generation = self.scripts.ready(self.scripts.current(path))
            self.announce(generation)
            if generation.path != path:
                # A link was moved on, and no worker has an older build from there.
                self.pools.of(generation.runtime).pool.use(generation)
            for _ in range(self.settings.max_loads or 1):
                tried = generation
                generation = try_load(
                    self.pools.of(generation.runtime).upkeep.prepare,
                    tried,
                    accept=self._accept_prepared,
                    extend=self.scripts.extend,
                    reject=self.scripts.reject,
                )
                if generation is tried:
                    return
                generation = self.scripts.ready(generation)

    def _accept_prepared(self, generation: Generation) -> None:
        # When all workers are lent, none has tried it.
        if self.pools.of(generation.runtime).upkeep.has_loaded(generation):
            self.scripts.accept(generation)

    def _execute(self, job: Job, path: str | None, param: str | None, asked: Asked | None = None) -> ExecResult:
        error: RunnerError | None = None
        try:
            if asked is not None:
                _, job.path, job.param = asked
            else:
                job.param = None if param is None else job.host.expand(param)
                job.path = None if path is None else job.host.expand(path)
            self._run(self._current(job.path), job)
        except RunnerError as failure:
            error = failure
        return self._counts.result(job, error)

    def _run(self, generation: Generation, job: Job) -> None:
        """
        Lease a worker, load the build where that has not happened yet, and run it.

        As long as nothing has run, another worker may take over: when one has ended by itself, or is bound to other
        helpers than the script turns out to need. The deadline bounds how often.
        """
        self.poison.check_message(generation.path, lambda: call_id(job.host))
        pool = self.pools.of(generation.runtime).pool  # before a source is compiled: its workers start meanwhile
        generation = job.generation = self.scripts.ready(generation, job.deadline)
        job.load += job.passed()
        while True:
            lease = pool.lease(generation, job.deadline)
            try:
                with lease as worker:
                    job.queue += job.passed()
                    has_run = worker.holdings.has_run(generation)
                    if has_run and worker.holdings.loaded[generation.path] is generation:
                        # The common exec. This very build has run before, so it was accepted then.
                        self._exec(worker, generation, job, None)
                        return
                    if has_run or self.settings.statics == "fresh":
                        other = self._load_and_exec(worker, generation, job, None)
                    else:
                        other = self._run_first(lease.slot, generation, job)
                if other is None:
                    return
                generation = other
            except WorkerGone as error:
                if time.monotonic() >= job.deadline:
                    raise
                log.info("%s; another worker takes over", error)

    def _load_and_exec(
        self, worker: Worker, generation: Generation, job: Job, first: FirstRun | None
    ) -> Generation | None:
        """Load a build where necessary, and run it. Returns the build to lease another worker for; None: it has run."""
        if worker.holdings.loaded.get(generation.path) is generation:
            self.scripts.accept(generation)  # upkeep may have loaded it ahead
        else:
            try:
                generation = self._load(worker, generation, job.deadline, first)
            finally:
                job.load += job.passed()
            if not (worker.is_alive and worker.holdings.has(generation)):
                return generation
        self._exec(worker, generation, job, first)
        return None

    def _run_first(self, slot: Slot, generation: Generation, job: Job) -> Generation | None:
        """As ``_load_and_exec``, for a build that this worker has not run before, so that it may be slow."""
        kept = self.pools.of(generation.runtime)
        worker, first = slot.living, kept.pool.warming.begin(generation, job.deadline)
        try:
            return self._load_and_exec(worker, generation, job, first)
        except ExecTimeout as error:
            if error.is_left:
                kept.late_runs.finish(slot, first, call_id(job.host))
            raise
        finally:
            first.end(has_run=worker.holdings.has_run(first.generation))

    def _load(self, worker: Worker, generation: Generation, deadline: float, first: FirstRun | None) -> Generation:
        """Load until the worker has the build to run, or is bound to other helpers than it needs. Returns the build."""
        if worker.holdings.has(generation):
            self.scripts.accept(generation)  # upkeep may have loaded it ahead
        load = partial(worker.load, deadline=deadline, may_finish=first.may_finish if first else never)
        while worker.is_alive and not worker.holdings.has(generation) and worker.holdings.fits(generation):
            try:
                generation = try_load(
                    load,
                    generation,
                    accept=self.scripts.accept,
                    extend=self.scripts.extend,
                    reject=self.scripts.reject,
                )
                generation = self.scripts.ready(generation, deadline)
            except ScriptError:
                if not worker.is_alive:  # the script ended the process; a build that was good before is tried again
                    self.poison.note(generation)
                raise
            except WorkerError as error:
                # Loading compiles, which may run static constructors. No message is to blame.
                if not is_no_loss(error, first):
                    self.poison.note(generation)
                raise
            if first is not None:
                first.becomes(generation)
        return generation

    def _exec(self, worker: Worker, generation: Generation, job: Job, first: FirstRun | None) -> None:
        """Run a build that is loaded. A worker that is lost counts against the build and the message's Call-ID."""
        fresh, job.generation = self.settings.statics == "fresh", generation
        try:
            worker.exec(
                generation,
                job.param,
                job.host,
                job.deadline,
                fresh=fresh,
                entry=job.entry,
                outcome=job.outcome,
                may_finish=first.may_finish if first else never,
                heard=job.heard,
            )
        except ScriptError as error:
            raise type(error)(f"{generation.path}: {error}", error.detail) from error
        except WorkerGone:
            raise
        except WorkerError as error:
            if not is_no_loss(error, first):
                self.poison.note(generation, call_id(job.host))
            raise
        finally:
            job.run += job.passed()

    def take_settings(self, settings: Settings) -> None:
        """Go on with settings that were read again."""
        self.settings, self.runtimes = settings, Runtimes(settings)
        self.pools.take_settings(self.runtimes.settings_of)

    def _start(self, name: str) -> Worker:
        runtime = self.runtimes.named(name)
        bridge, wake = self._bridges.of(runtime), self.pools.of(name).pool.wake
        settings = self.runtimes.settings_of(name)
        worker = Worker.start(settings, runtime, bridge, self._directory, self._drain, on_exit=wake.set)
        worker.conversation.find_helper = lambda generation, name, _deadline: self.scripts.plugin(generation, name)
        return worker

    def _first_worker(self) -> None:
        """Start what is kept warm, so that a runtime that does not start is an error now and not at the first exec."""
        for name in self._begins_with:
            self.pools.first(name).await_worker(self.settings.start_timeout_s)

    def _pin(self) -> Generation | None:
        if self.settings.load is None:
            return None
        path = str(self.settings.load)
        self.scripts.unpin(path)
        generation = self.scripts.pin(path)
        is_here = self.pools.first(generation.runtime).pool.settings.max_workers > 0
        return self.pools.loaded(generation, self.scripts) if is_here else generation
