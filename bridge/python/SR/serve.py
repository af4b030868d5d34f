"""The life of a worker: what it answers to ``load`` and ``exec``."""

from __future__ import annotations

import faulthandler
import linecache
import os
import signal
import sys
import time
import traceback
from _thread import _count
from time import perf_counter_ns
from typing import Any

import SR

from .calls import Calls, Exec, Plan
from .process import Surroundings
from .scripts import InvalidScript, Missing, Script, Stage, is_code
from .wire import Lines, LostTurn, Outbox, end_group, lost, quoted, readable

PROTOCOL = 3
CAN = '["values","edits","entries","helpers","profile","within","trace"]'
READS, WRITES = 3, 4
SCRIPT_THREW, SCRIPT_CANNOT_RUN, NO_SUCH_ENTRY, INVALID_REQUEST = -32000, -32001, -32002, -32600
LOOKS = 3  # at threads that may be about to end, a millisecond apart
SHARE_OF_TEXT = 32  # of the longest line, for each text of an error: a character takes up to six bytes
HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    """One worker process.

    Args:
        lines: What the runner says.
        outbox: What the runner hears.
        copies: The directory of copies.
        builds: A private directory.
        retires: Whether threads that are left over are reported.
    """

    def __init__(self, lines: Lines, outbox: Outbox, copies: str, builds: str, *, retires: bool) -> None:
        self._lines = lines
        self._outbox = outbox
        self._copies = copies
        self._builds = builds
        self._retires = retires
        self._scripts: dict[str, Script] = {}
        self._stage = Stage()
        self._surroundings = Surroundings()
        self._calls = SR._calls = Calls(lines, outbox)  # noqa: SLF001
        self._calls.run = self._answer
        self._ids: list[int] = []

    def serve(self) -> None:
        """Answer requests until the wire ends."""
        version = ".".join(map(str, sys.version_info[:3]))
        params = f'{{"protocol":{PROTOCOL},"runtime":"{version}","pid":{os.getpid()},"can":{CAN}}}'
        self._outbox.turn(f'{{"jsonrpc":"2.0","method":"ready","params":{params}}}')
        try:
            while (request := self._lines.next()) is not None:
                self._answer(request)
        except LostTurn as error:
            lost(error)

    def forked(self) -> None:
        """A script has forked this process: it must not speak to the runner."""
        self._calls.forked()
        os.close(READS)
        os.close(WRITES)

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            number, method, params = request["id"], request["method"], request["params"]
            if method == "exec":
                generation, entry, param = params["generation"], params.get("entry"), params.get("param")
                is_request = type(number) is int and type(generation) is str
            else:
                is_request = type(number) is int and type(params) is dict and method == "load"
        except (KeyError, TypeError, AttributeError) as error:
            raise LostTurn(f"expected a load or exec request: {error!r}") from error
        if not is_request or (method == "load" and self._calls.depth):
            raise LostTurn("expected a load or exec request")
        if method == "load":
            self._load(number, params)
        else:
            self._exec(number, generation, entry, param, params)

    def _load(self, number: int, params: dict[str, Any]) -> None:
        before = self._stage.script
        script = None
        try:
            script = Script(params, self._copies, self._builds, self._calls.find_helper)
            needs = script.needs()
            if not needs:
                script.arrange()
                self._stage.show(script)
                needs = self._run_top_level(script)
        except InvalidScript as error:
            self._stage.show(before)
            if script is not None:
                script.forget()
            self._fail(number, SCRIPT_CANNOT_RUN, str(error), error.__cause__)
            return
        except (KeyError, TypeError, AttributeError) as error:
            raise LostTurn(f"expected a load request: {error!r}") from error
        entries = ""
        if needs:
            self._stage.show(before)
            script.forget()
        else:
            replaced = [each.generation for each in self._scripts.values() if each.path == script.path]
            for generation in replaced:
                self._scripts.pop(generation).forget()
            self._scripts[script.generation] = script
            entries = f',"entries":[{",".join(map(quoted, script.entries))}]'
        needed = ",".join(map(quoted, needs))
        if not self._outbox.turn(f'{{"jsonrpc":"2.0","id":{number},"result":{{"needs":[{needed}]{entries}}}}}'):
            self._fail(number, SCRIPT_CANNOT_RUN, f"{script.path}: its names do not fit into a line")

    def _run_top_level(self, script: Script) -> list[str]:
        """Run it for the first time; returns the files that are missing for it.

        Raises:
            InvalidScript: It cannot be run; the cause is what it threw.
        """
        try:
            script.run_top_level()
        except InvalidScript:
            if not script.missing:
                raise
        except Missing:
            pass
        except BaseException as error:
            if not script.missing:
                place = _place_in(script, error)
                raise InvalidScript(f"{place}: {_summary(error)}") from error
        finally:
            self._surroundings.restore()
        if not script.missing:
            script.loaded()
        return list(dict.fromkeys(script.missing))

    def _exec(self, number: int, generation: str, name: str | None, param: str | None, params: dict[str, Any]) -> None:
        script = self._scripts.get(generation)
        if script is None:
            self._fail(number, SCRIPT_CANNOT_RUN, f"expected a generation that is loaded, not {generation}")
            return
        entry = script.entry(name)
        if entry is None:
            self._fail(number, NO_SUCH_ENTRY, f"expected an entry of {script.path}, not {name or 'main'}")
            return
        calls, stage, came_ns = self._calls, self._stage, self._lines.came_ns
        outer = stage.script if calls.depth else None
        if stage.script is not script:
            stage.show(script)
        thrown: BaseException | None = None
        run = None
        code = began_ns = 0
        try:
            if "fresh" in params:
                script.run_top_level()
                entry = script.entry(name) or entry
            if "plan" in params:
                entry.plan = Plan(params["plan"])
            certain, is_traced = params.get("certain", 0), params.get("trace") is True
            run = calls.start(entry.plan, params.get("values"), certain, is_traced=is_traced)
            began_ns = perf_counter_ns()
            code = entry.run(param)
        except SystemExit as error:
            code, thrown = _exit_code(error)
        except BaseException as error:  # noqa: BLE001 - whatever a script throws
            thrown = error
        ended_ns = perf_counter_ns()
        if calls.is_child:
            os._exit(code if thrown is None else 1)
        if run is not None:
            calls.end(run)
        worn = ""
        if thrown is not None and _ran_out_of_memory(thrown):
            worn = ',"worn":"memory"'
        elif outer is None and self._retires and _count() != calls.own_threads and self._has_stray_threads():
            worn = ',"worn":"threads"'
        spent = ""
        if run is not None and "profile" in params:
            spent = f',"spent":[{began_ns - came_ns},{ended_ns - began_ns - run.waited_ns}]'
        self._tell(number, run, thrown if thrown is not None else code, worn, spent)
        if outer is None:
            self._surroundings.restore()  # after the reply, when nobody is waiting
        else:
            stage.show(outer)

    def _tell(self, number: int, run: Exec | None, end: int | BaseException, worn: str, spent: str) -> None:
        """Answer an exec that has ended so; ``run`` is None where its top level threw."""
        if run is not None and run.has_exited:
            end = 0
        if isinstance(end, BaseException):
            self._fail(number, SCRIPT_THREW, _summary(end), end, worn)
        else:
            used, exited = (run.used, ',"exited":true' if run.has_exited else "") if run else (0, "")
            beginning = f'{{"jsonrpc":"2.0","id":{number},"result":{{"code":{end},"used":{used},"edits":['
            self._outbox.result(beginning, f"]{exited}{worn}{spent}}}}}")

    def _has_stray_threads(self) -> bool:
        for _ in range(LOOKS):
            if _count() <= self._calls.own_threads:
                return False
            time.sleep(0.001)
        return True

    def _fail(self, number: int, code: int, message: str, cause: BaseException | None = None, worn: str = "") -> None:
        """Answer a request with an error."""
        data = ""
        if cause is not None:
            described = self._bounded(_described(cause)), self._bounded(self._stack(cause))
            name = self._bounded(_name(cause))
            data = f',"data":{{"type":{name},"message":{described[0]},"stack":{described[1]}{worn}}}'
        error = f'{{"code":{code},"message":{self._bounded(message)}{data}}}'
        self._outbox.turn(f'{{"jsonrpc":"2.0","id":{number},"error":{error}}}')

    def _bounded(self, text: str) -> str:
        longest = self._outbox.max_line_bytes // SHARE_OF_TEXT
        return quoted(readable(text if len(text) <= longest else f"{text[:longest]} ..."))

    def _stack(self, error: BaseException) -> str:
        """As Python prints it, without the frames of the bridge, and with the lines of the copies that ran."""
        for script in [*self._scripts.values(), self._stage.script]:
            for path, source in script.sources() if script else ():
                lines = source.decode("utf-8", "replace").splitlines(keepends=True)
                linecache.cache[path] = (len(source), None, lines, path)
        try:
            found = traceback.TracebackException(type(error), error, error.__traceback__)
            _leave_out_bridge(found, set())
            return "".join(found.format()).rstrip()
        except Exception as failed:  # noqa: BLE001 - a script's exception may throw when it is described
            return f"(no stack: it threw {type(failed).__name__})"
        finally:
            linecache.cache.clear()


def main(arguments: list[str]) -> None:
    """Serve over descriptors 3 and 4.

    Args:
        arguments: MAX_LINE_BYTES, ``retire`` or ``keep``, the directory of copies, and one for builds.
    """
    max_line_bytes, leftover, copies, builds = int(arguments[0]), *arguments[1:4]
    for descriptor in (READS, WRITES):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - it takes no keywords
    faulthandler.enable()
    faulthandler.register(signal.SIGQUIT, all_threads=True)
    sys.modules["KSR"] = SR.KSR  # type: ignore[assignment]
    outbox = Outbox(WRITES, max_line_bytes)
    outbox.watch(READS)
    worker = Worker(Lines(READS, max_line_bytes), outbox, copies, builds, retires=leftover != "keep")
    os.register_at_fork(after_in_child=worker.forked)
    try:
        worker.serve()
    except BaseException:  # noqa: BLE001 - a script that changes Python itself breaks the bridge as well
        lost(traceback.format_exc())
    finally:  # not at Python's own pace, which waits for the script's threads and its handlers of atexit
        end_group()


def _exit_code(error: SystemExit) -> tuple[int, BaseException | None]:
    """The result of ``sys.exit(code)``, as Python itself sees it, or what is wrong with it."""
    code = error.code
    if code is None:
        return 0, None
    if isinstance(code, int):
        return (int(code), None) if is_code(code) else (0, error)
    print(code, file=sys.stderr)  # noqa: T201 - as Python itself does
    return 1, None


def _ran_out_of_memory(error: BaseException | None) -> bool:
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _described(error: BaseException) -> str:
    """The message of a script's exception, which may itself throw."""
    try:
        return str(error)
    except BaseException as failed:  # noqa: BLE001 - whatever it is
        return f"(no description: it threw {type(failed).__name__})"


def _summary(error: BaseException) -> str:
    text = _described(error)
    return f"{_name(error)}: {text}" if text else _name(error)


def _place_in(script: Script, error: BaseException) -> str:
    """The innermost line of the script's own files in the traceback."""
    paths = {path for path, _ in script.sources()}
    place = script.path
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename in paths:
            place = f"{frame.f_code.co_filename}:{line}"
    return place


def _leave_out_bridge(found: traceback.TracebackException | None, seen: set[int]) -> None:
    if found is None or id(found) in seen:
        return
    seen.add(id(found))
    shown = [
        frame
        for frame in found.stack
        if not frame.filename.startswith(HERE) and not frame.filename.startswith("<frozen importlib")
    ]
    found.stack = traceback.StackSummary.from_list(shown)
    _leave_out_bridge(found.__cause__, seen)
    _leave_out_bridge(found.__context__, seen)
