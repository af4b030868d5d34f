"""
Builds of sources that are compiled before a worker can load them: each once, and no caller waits longer than it may.

Must not know languages, nor which build is current.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from runner.errors import BuildError, CompilerLost, PoolExhausted, ScriptError

from .script import another

if TYPE_CHECKING:
    from runner.runtimes.known import Runtimes
    from runner.runtimes.runtime import Compile, Made

    from .generation import Generation
    from .store import Store


class Compiling:
    """
    Compiles builds. Safe to use from several threads.

    Args:
        store: Where copies are.
        runtimes: Say what is compiled, and by what.
        stays_warm: As in ``Compile``.
    """

    def __init__(self, store: Store, runtimes: Runtimes, *, stays_warm: bool) -> None:
        self._store = store
        self._runtimes = runtimes
        self._stays_warm = stays_warm
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Made]] = {}

    def needs(self, generation: Generation, deadline: float) -> tuple[str, ...]:
        """
        Compile a build, where that is due.

        Args:
            generation: The build.
            deadline: End of the wait, on ``time.monotonic``; it is compiled all the same.

        Returns:
            The files beside the script that it needs and that it does not have; empty: it can be loaded.

        Raises:
            ScriptInvalid: It does not compile.
            PoolExhausted: It was not compiled in time, or there is no compiler.
            CompilerLost: The compiler died, or took too long.
        """
        compiler = self._runtimes.of(generation.path).compiler_of(generation.path)
        if generation.compiled is not None or compiler is None:
            return ()
        try:
            content, needs = self._making(compiler, generation).result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise PoolExhausted(
                f"{generation.path}: it is being compiled, which takes longer than a call may wait"
            ) from None
        except ScriptError as error:
            raise another(error) from None
        except CompilerLost as error:
            raise CompilerLost(f"{generation.path}: {error}") from None
        except BuildError as error:
            raise PoolExhausted(f"{generation.path}: {error}") from None
        if not needs:
            self._store.put_compiled(generation, content)
        return needs

    def _making(self, compiler: Compile, generation: Generation) -> Future[Made]:
        """What becomes of a build, which is compiled in a thread of its own, whoever else waits for it."""
        with self._lock:
            made = self._under_way.get(generation.id)
            if made is None:
                made = Future()
                thread = threading.Thread(
                    target=self._compile, args=(compiler, generation, made), name="compile", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError as error:  # the kernel gives no thread
                    raise PoolExhausted(f"{generation.path}: cannot be compiled: {error}") from error
                self._under_way[generation.id] = made
        return made

    def _compile(self, compiler: Compile, generation: Generation, made: Future[Made]) -> None:
        command = self._runtimes.of(generation.path).command
        found, error = None, None
        try:
            # The source, also where another thread has just said what it was compiled to.
            load = generation.load_params() | {"file": generation.file.hash}
            found = compiler(command, self._store.directory, load, stays_warm=self._stays_warm)
        except BaseException as caught:  # noqa: BLE001 - for those who wait
            error = caught
        with self._lock:
            del self._under_way[generation.id]  # first, so that nobody who comes now gets an old error
        if found is not None:
            made.set_result(found)
        else:
            made.set_exception(error)
