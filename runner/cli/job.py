"""
One job of the command line: a script, a parameter and a message, run as often as wanted.

Must not print; what happened is an ``Outcome``.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from runner import directives, installed
from runner.build import SOURCES, compile_script
from runner.cli import answers
from runner.errors import ConfigError, EntryMissing, RunnerError, ScriptInvalid, ScriptNotFound
from runner.hosts.answered import Answered
from runner.hosts.embedded.context import Address, Environment, Socket, Version
from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from runner.job import NS_PER_US
from runner.runner import Runner
from runner.runtimes.checks import ASSEMBLY_MAGIC
from runner.runtimes.known import Runtimes
from runner.runtimes.runtime import BESIDE
from runner.settings import Settings
from runner.sip import SipParseError
from runner.worker.confine import passed_on

from .outcome import Outcome
from .profile import TimedHost, parts_us
from .trace import Trace, TracedHost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.calls import Host
    from runner.runner import ExecResult
    from runner.runtimes.runtime import Runtime

STDIN = "-"
ADDRESS = Address("127.0.0.1", 5060)
"""Where the message comes from, and where it is received: the same, as nobody else is there."""
PARTS = ("queue", "load", "run", "total")

# One script at a time, for one caller, who would rather wait than hear that no worker is ready yet. Files and the
# environment outweigh these; the options of the command line outweigh all.
DEFAULTS: dict[str, Any] = {
    "num_workers": 1,
    "spare_workers": 0,
    "allocate_timeout_s": 30.0,
    "exec_timeout_s": 5.0,
    "observer": "none",
}


@dataclass
class Job:
    """
    Runs one script on one message, keeping its worker warm. Use as a context manager.

    Attributes:
        mode: ``exec`` names the script at every call, ``run`` loads it at start.
        script: A ``.cs`` or ``.il``, which is compiled first, or what a runtime runs as it is.
        param: None: Main gets no argument.
        message: A file, or ``-`` for the standard input, which is read once.
        config: A TOML file of settings; None: there is none.
        timeout_s: Longest exec, in seconds; None: as the settings say, else 5.
        address: Where the message comes from, and where it is received.
        is_compared: Also keep each call that reaches the host, and give the message as a Kamailio can be asked for it.
        is_profiled: Also measure where the time goes; for ``exec`` only.
        is_traced: Also keep every call, and ask where in the script it is made; then nothing is sent ahead.
        entry: The public static method to run; None is Main. For ``exec`` only.
        anyway: Also run on a message that Kamailio's core would have dropped.
        answers: What functions of KSR give, each ``FUNCTION=VALUE``; they outweigh the setting ``answers``.
    """

    mode: Literal["exec", "run"]
    script: str
    param: str | None
    message: str
    config: str | None = None
    timeout_s: float | None = None
    address: Address = ADDRESS
    is_compared: bool = False
    is_profiled: bool = False
    is_traced: bool = False
    entry: str | None = None
    anyway: bool = False
    answers: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._runner: Runner | None = None
        self._stdin: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self) -> Outcome:
        """One run with the files as they are now; whatever fails is the outcome's ``error``."""
        try:
            return next(self.runs(1))
        except RunnerError as error:
            return Outcome(ok=False, exit_code=None, error=error)

    def runs(self, count: int) -> Iterator[Outcome]:
        """
        Run ``count`` times, each on a message of its own; the message and the source are read once.

        Raises:
            RunnerError: There is no script or no message to begin with, or the settings are wrong.
        """
        data, settings, assembly = self.prepared()
        given = answers.checked(settings.answers, self.answers)
        runner = self._started(settings, assembly)
        for _ in range(count):
            host = host_of(data, self.message, settings, self.address, anyway=self.anyway)
            answered = Answered(host, given)
            recorded = Recorded(cast("Host", answered) if given else host)
            asked = cast("Host", recorded) if self.is_compared else recorded.unrecorded
            traced = TracedHost(asked)
            asked = cast("Host", traced) if self.is_traced else asked
            before = _text(host.message_bytes())
            spent: dict[str, int] | None = {} if self.is_profiled else None
            result = self._call(runner, assembly, asked, spent)
            began_ns = time.monotonic_ns() - result.timing.run_us * NS_PER_US
            timing = {part: round(getattr(result.timing, f"{part}_us")) for part in PARTS}
            if result.error is not None:
                name_source(result.error, assembly, self.script)
                if isinstance(result.error, EntryMissing) and self.mode == "exec" and self.entry is None:
                    result.error.args = (f"{result.error}; --entry NAME runs an entry",)
                if not timing["run"]:  # it never began
                    yield Outcome(ok=False, exit_code=None, error=result.error)
                    continue
            yield Outcome(
                ok=result.ok,
                exit_code=result.exit_code,
                error=result.error,
                logs=list(host.logs),
                before=before,
                # What a Kamailio can be asked for knows of no socket to leave by.
                after=host.get_s("$mbu") if self.is_compared else _text(host.message_bytes()),
                reply_headers=list(host.reply_headers),
                replies=[_text(reply) for reply in host.replies],
                calls=result.calls,
                timing_us=timing,
                profile_us={} if spent is None else parts_us(timing, spent),
                had_bare_lf=host.had_bare_lf,
                asked=recorded.calls,
                answered=answered.answered,
                armed=answered.armed,
                entries=self._entries(runner, assembly, host) if answered.armed else (),
                trace=Trace(traced.steps, traced.more, began_ns, given) if self.is_traced else None,
            )

    def prepared(self) -> tuple[bytes, Settings, str]:
        """
        The message, the settings, and the assembly as a format string; what was read or compiled before is kept.

        Raises:
            RunnerError: As ``runs``.
        """
        data, settings = self._read_message(), self._settings()
        return data, settings, self._assembly(settings)

    def watched(self) -> list[Path]:
        """Every file whose change is a reason to run again; some may not exist (yet)."""
        script = Path(self.script)
        runtime = Runtimes(Settings()).of(self.script)
        endings = (".dll", ".config", *(runtime.suffixes if runtime.helpers == BESIDE else ()))
        near = [path for ending in endings for path in script.parent.glob(f"*{ending}") if path != script]
        message = [] if self.message == STDIN else [Path(self.message)]
        return [script, *message, *near, *self._named(script, runtime)]

    def _named(self, script: Path, runtime: Runtime) -> list[Path]:
        """The files beside the script that it says it reads; none where it cannot be read."""
        files: Sequence[directives.File] = ()
        with suppress(OSError, RunnerError):
            if script.suffix.lower() in SOURCES:
                files = directives.read(script.read_bytes(), self.script).files
            elif runtime.files_of is not None:
                files = runtime.files_of(self.script, script.read_bytes())
        return [script.parent / file.name for file in files]

    def _call(self, runner: Runner, assembly: str, host: Host, spent: dict[str, int] | None) -> ExecResult:
        if self.mode == "run":
            return runner.mono_run(self.param, host=host)
        if spent is not None:
            host = cast("Host", TimedHost(host, spent))
        return runner.mono_exec(assembly, self.param, host=host, entry=self.entry, spent=spent)

    def _entries(self, runner: Runner, assembly: str, host: MessageHost) -> tuple[str, ...]:
        """Those that the script has that has just run; none where it has gone meanwhile."""
        with suppress(RunnerError):
            return tuple(sorted(runner.current(None if self.mode == "run" else host.expand(assembly)).entries or ()))
        return ()

    def _started(self, settings: Settings, assembly: str) -> Runner:
        if self._runner is None:
            if self.mode == "run":
                settings = Settings(**(settings.model_dump() | {"load": Path(assembly)}))
            begins_with = None if self.mode == "run" else (Runtimes(settings).of(assembly).name,)
            self._runner = self._stack.enter_context(Runner(settings, begins_with))
            if self.mode == "exec":
                _compile(self._runner, assembly.replace("$$", "$"))
        elif self.mode == "run":
            self._runner.reset()
        return self._runner

    def _settings(self) -> Settings:
        given = Settings.from_file(self.config) if self.config else Settings()
        values = DEFAULTS | given.model_dump(include=given.model_fields_set)
        values["script_dirs"] = (
            None  # for those who only send a name to a daemon; here whoever names a script may run it
        )
        if self.timeout_s is not None:
            values["exec_timeout_s"] = self.timeout_s
        return Settings(**values)

    def _assembly(self, settings: Settings) -> str:
        """The path for the runner. An existing file is meant literally: its dollars are no variables."""
        path = Path(self.script)
        if path.is_dir():
            raise ScriptInvalid(f"{path}: expected a script ({endings(settings)}), but it is a directory")
        if path.suffix.lower() in SOURCES:
            path = compile_script(path, mono=settings.mono)
        elif not path.exists():
            if "$" not in self.script:
                raise ScriptNotFound(f"{path}: there is no such script")
            return self.script
        elif not path.name.lower().endswith(Runtimes(settings).suffixes) and not _may_be_assembly(path):
            raise ScriptInvalid(f"{path}: expected a script, a name that ends in one of {endings(settings)}")
        return str(path.absolute()) if self.mode == "run" else str(path.absolute()).replace("$", "$$")

    def _read_message(self) -> bytes:
        if self.message != STDIN:
            return read_message(self.message)
        if self._stdin is None:
            self._stdin = read_message(STDIN)
        return self._stdin


def _compile(runner: Runner, path: str) -> None:
    """Compile a source that its runtime compiles, before an exec has to be done in time; which says what is wrong."""
    with suppress(RunnerError):
        runner.scripts.ready(runner.scripts.current(path))


def _may_be_assembly(path: Path) -> bool:
    """Whether a file of any name begins as an assembly does, or cannot be read: its load then says why."""
    try:
        with path.open("rb") as file:
            return file.read(len(ASSEMBLY_MAGIC)) == ASSEMBLY_MAGIC
    except OSError:
        return True


def endings(settings: Settings) -> str:
    """How the names of scripts end, for an error."""
    return ", ".join((*SOURCES, *Runtimes(settings).suffixes))


def read_message(name: str) -> bytes:
    """
    The bytes of a file, or of the standard input for ``-``.

    Raises:
        ConfigError: It cannot be read, or there is nothing in it.
    """
    if name == STDIN:
        data = sys.stdin.buffer.read()
    else:
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            raise ConfigError(f"--message {name}: expected a readable SIP message: {error.strerror}") from error
    if not data.strip():
        raise ConfigError(f"--message {name}: expected a SIP message, but it is empty")
    return data


def name_source(error: RunnerError, assembly: str, script: str) -> None:
    """Have an error name the script as its author does, not the assembly that a cache keeps of it."""
    error.args = (str(error).replace(assembly.replace("$$", "$"), script),)


def known_version(settings: Settings) -> Version:
    """The version of Kamailio whose answers the embedded host gives."""
    return installed.version() if settings.kamailio == "installed" else settings.kamailio


def host_of(
    data: bytes,
    name: str,
    settings: Settings,
    address: Address = ADDRESS,
    *,
    anyway: bool = False,
    is_for_kamailio: bool = False,
) -> MessageHost:
    """
    The embedded host with a message from the file ``name``, which came from this address and was received on it.

    Raises:
        ConfigError: Kamailio's core would have dropped the message before the script; the text says why. With
            ``anyway`` only when the message has no first line, so that there is nothing to run on, or when
            ``is_for_kamailio``.
    """
    hint = "; --anyway runs on it all the same"
    try:
        socket = Socket(address)
        environment = Environment(
            (socket,),
            variables=passed_on(settings),
            hash_tables=frozenset(settings.hash_tables),
            kamailio=known_version(settings),
        )
        host = MessageHost(data, source=address, received_on=socket, environment=environment)
        why = host.context.message.dropped
    except SipParseError as error:
        why, hint, anyway = str(error), "", anyway and is_for_kamailio
    if is_for_kamailio:
        hint = "; --anyway cannot help in Kamailio itself" if anyway else ""
    if why is not None and (is_for_kamailio or not anyway):
        raise ConfigError(f"--message {name}: Kamailio would have dropped this message: {why}{hint}")
    return host


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
