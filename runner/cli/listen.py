"""``app-mono serve --sip``: a SIP listener in the foreground, its script compiled again at every save."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner.build import SOURCES, compile_script
from runner.calls import LOG_LEVELS
from runner.cli.answers import checked
from runner.errors import BuildError, ConfigError, RunnerError, ScriptNotFound
from runner.hosts.answered import Answered
from runner.hosts.embedded.context import Environment, Socket, Version
from runner.hosts.embedded.host import check_format
from runner.listener import Action, Listener, address_of
from runner.runner import Runner
from runner.runtimes.known import Runtimes
from runner.settings import Settings
from runner.worker.confine import passed_on

from . import show
from .ending import naming_load
from .job import known_version, name_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.calls import Host
    from runner.hosts.embedded.host import MessageHost
    from runner.runner import ExecResult

log = logging.getLogger("runner.listener")

INFO = 2  # of ``runner.calls.LOG_LEVELS``


def listen(
    sip: str,
    script: str | None,
    param: str | None,
    config: str | None,
    actions: Mapping[str, str],
    *,
    entry: str | None = None,
    given: Sequence[str] = (),
) -> int:
    """
    Answer SIP until Ctrl-C or TERM; the exit status.

    Args:
        sip: ``udp:IP:PORT``.
        script: For each request; None: what the setting ``load`` names.
        param: Main's one argument; pseudo-variables are put in.
        config: Settings, a TOML file.
        actions: ``on_true`` and ``on_false`` where they were given; they outweigh the table ``[listener]``.
        entry: The public static method that runs for each request, as Kamailio calls it; None is Main.
        given: What functions of KSR give, each ``FUNCTION=VALUE``; they outweigh the setting ``answers``.

    Raises:
        RunnerError: It cannot start.
    """
    address = address_of(sip)
    # Whoever names a script here may run it: script_dirs is for clients that only send a name to a daemon.
    settings = Settings.from_file(config, script_dirs=None) if config else Settings(script_dirs=None)
    version = known_version(settings)
    texts = _defaults(settings, entry) | settings.listener.model_dump(exclude_unset=True) | dict(actions)
    named = {name: _action(name, text, version) for name, text in texts.items()}
    # What would fail at each request is refused at the start.
    check_format(param or "", version)
    answers = checked(settings.answers, given)
    if script is None and settings.load is None:
        raise ConfigError("--sip: say what runs for each request: --exec SCRIPT, or load in the settings")
    source = None if script is None else _Source(script, settings.mono)
    begins_with = None if script is None else (Runtimes(settings).of(script).name,)
    with ExitStack() as stack:
        with naming_load():
            runner = stack.enter_context(Runner(settings, begins_with))
            if source is None and entry is not None:
                runner.check(str(settings.load), entry)
        if source is not None:
            _check(runner, source.assembly().replace("$$", "$"), str(script), entry)

        def run(message_host: MessageHost) -> ExecResult:
            answered = Answered(message_host, answers)
            host = cast("Host", answered) if answers else message_host
            if source is None and entry is None:
                result = runner.mono_run(param, host=host)
            else:
                assembly = _literal(settings.load or Path()) if source is None else source.assembly()
                result = runner.mono_exec(assembly, param, host=host, entry=entry)
                if result.error is not None and script is not None:
                    name_source(result.error, assembly, script)
            for call in answered.answered:
                show.logged(LOG_LEVELS[INFO], show.answered(*call))
            # What an entry returns is ignored, as in Kamailio.
            return result if entry is None else result._replace(ok=result.error is None)

        with Listener(
            address,
            run,
            tell=_tell,
            threads=settings.max_workers,
            environment=Environment(
                variables=passed_on(settings), hash_tables=frozenset(settings.hash_tables), kamailio=version
            ),
            **named,
        ) as listener:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: listener.end())
            show.note(f"listening on {Socket(address).text}, {script or settings.load} for each request; Ctrl-C ends")
            listener.serve()
        show.note(str(listener.counts))
    return 0


def _check(runner: Runner, assembly: str, script: str, entry: str | None) -> None:
    try:
        runner.check(assembly, entry)
    except RunnerError as error:
        name_source(error, assembly, script)
        raise


def _defaults(settings: Settings, entry: str | None) -> dict[str, str]:
    """What is done where nobody has said it: with an entry what Kamailio does when it has called one."""
    if entry is None:
        return settings.listener.model_dump()
    code, _, reason = settings.kemi_on_error.partition(" ")
    return {"on_true": "drop", "on_false": f"reply:{code}:{reason}"}


def _literal(path: Path) -> str:
    """The path for ``mono_exec``, in which dollars are no variables."""
    return str(path.absolute()).replace("$", "$$")


def _action(name: str, text: str, version: Version) -> Action:
    try:
        action = Action.of(text)
        for part in (action.code, action.reason):
            check_format(part, version)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    return action


def _tell(level: int, text: str) -> None:
    show.logged(LOG_LEVELS.get(level, str(level)), text.rstrip("\n"))


class _Source:
    """A script by name; a source is compiled when it has changed, and what does not compile changes nothing."""

    def __init__(self, script: str, mono: str) -> None:
        self._script = Path(script)
        self._mono = mono
        self._compiling = threading.Lock()
        self._is_source = self._script.suffix.lower() in SOURCES
        if not self._script.is_file():
            raise ScriptNotFound(f"{script}: there is no such script")
        self._stamp = self._stamp_now()
        self._assembly = self._compiled() if self._is_source else _literal(self._script)

    def assembly(self) -> str:
        """The path for ``mono_exec``. While one caller compiles, the others go on with what there was."""
        if self._is_source and self._stamp_now() not in {self._stamp, None} and self._compiling.acquire(blocking=False):
            try:
                self._stamp = self._stamp_now()
                self._assembly = self._compiled()
                log.warning("%s compiled again", self._script)
            except BuildError as error:
                show.error(error)
            finally:
                self._compiling.release()
        return self._assembly

    def _compiled(self) -> str:
        return _literal(compile_script(self._script, mono=self._mono))

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self._script.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
