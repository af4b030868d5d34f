"""
The commands of ``app-mono``, their options and exit statuses.

Must not do the work itself: a command reads its options and hands over.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.completion import completion_init  # type: ignore[attr-defined] # it says of none that it exports it

from runner.errors import ConfigError

from . import ksr, lang, nodes, runtime, show
from .ending import JSON, Commands, end_cleanly_on_signals, guarded, report
from .outcome import FAILED, FALSE, TRUE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .job import Job

EPILOG = "Exit status: 0 the script said true (exit code 0), 1 false, 2 it could not be run to its end or bad usage."


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        show.line(f"app-mono {version('app-mono')}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Runs C# scripts written for Kamailio's app_mono in warm mono workers, without Kamailio.",
)

Socket = Annotated[str | None, typer.Option("--socket", metavar="PATH", help="The daemon's control socket.")]
Param = Annotated[
    str | None, typer.Argument(help="Passed to Main; variables such as $ru are replaced.", show_default=False)
]
Message = Annotated[
    str, typer.Option("--message", "-m", metavar="FILE", help="The SIP message; - reads it from standard input.")
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Even on a message that Kamailio's core would have dropped.")]
Config = Annotated[
    str | None, typer.Option("--config", metavar="FILE", envvar="APP_MONO_CONFIG", help="Settings, a TOML file.")
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Run again at every save, and show what changed.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a run, for programs.")]
Timeout = Annotated[float | None, typer.Option(min=0.001, metavar="S", help="Longest run, seconds.", show_default="5")]
InKamailio = Annotated[
    bool, typer.Option("--in-kamailio", help="Run it once in a private Kamailio, with this machine's kamailio.")
]
Compare = Annotated[
    bool,
    typer.Option("--compare", help="Run it here and in a private Kamailio; show what differs. Exit status 0 nothing."),
]
Answers = Annotated[
    list[str] | None,
    typer.Option(
        "--answer", metavar="FUNCTION=VALUE", help="What a function of KSR gives, as tm.t_relay=1; repeatable."
    ),
]
Trace = Annotated[
    bool, typer.Option("--trace", help="Show every call: its time, the script's line, its arguments and its value.")
]
Entry = Annotated[str | None, typer.Option("--entry", metavar="NAME", help="Run this public static method, not Main.")]
Repeat = Annotated[int, typer.Option(min=1, metavar="N", help="Run N times in the same worker; the last is shown.")]


def start(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    completion_init()  # for shells that set _APP_MONO_COMPLETE; without it typer knows none
    try:
        app(arguments, prog_name="app-mono")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - as report says
        report(error, as_json=JSON in arguments)
        return FAILED
    return TRUE


@app.command("exec", epilog=EPILOG)
def exec_(
    script: Annotated[
        str,
        typer.Argument(help="A .cs, .vb or .fs, compiled first, an .exe, .py, .js or .java; read at every run."),
    ],
    message: Message,
    param: Param = None,
    *,
    watch: Watch = False,
    json: Json = False,
    timeout: Timeout = None,
    repeat: Repeat = 1,
    profile: Annotated[bool, typer.Option("--profile", help="Show where the time goes; best with --repeat.")] = False,
    entry: Entry = None,
    answer: Answers = None,
    trace: Trace = False,
    in_kamailio: InKamailio = False,
    compare: Compare = False,
    anyway: Anyway = False,
    config: Config = None,
) -> None:
    """Run SCRIPT on a SIP message, as mono_exec(SCRIPT, PARAM) does."""
    from .job import Job  # noqa: PLC0415 - `build` and --help need none of it and stay quick

    job = Job("exec", script, param, message, config, timeout, is_traced=trace, anyway=anyway, answers=answer or ())
    job = replace(job, is_profiled=profile, entry=entry)
    guarded(
        lambda: _carry_out(job, watch=watch, as_json=json, repeat=repeat, in_kamailio=in_kamailio, compare=compare),
        as_json=json,
    )


@app.command("run", epilog=EPILOG)
def run(
    load: Annotated[str, typer.Option(metavar="SCRIPT", help="The script to load at start, as for exec.")],
    message: Message,
    param: Param = None,
    *,
    watch: Watch = False,
    json: Json = False,
    timeout: Timeout = None,
    repeat: Repeat = 1,
    answer: Answers = None,
    trace: Trace = False,
    in_kamailio: InKamailio = False,
    compare: Compare = False,
    anyway: Anyway = False,
    config: Config = None,
) -> None:
    """Load a script at start and run it on a SIP message, as mono_run(PARAM) does."""
    from .job import Job  # noqa: PLC0415 - as above

    job = Job("run", load, param, message, config, timeout, is_traced=trace, anyway=anyway, answers=answer or ())
    guarded(
        lambda: _carry_out(job, watch=watch, as_json=json, repeat=repeat, in_kamailio=in_kamailio, compare=compare),
        as_json=json,
    )


@app.command("build")
def build(
    scripts: Annotated[list[str] | None, typer.Argument(metavar="[SCRIPT]...", show_default=False)] = None,
) -> None:
    """Compile SR.dll, KSR.dll, the bridge and the lane in C; with arguments, scripts to an .exe beside each source."""
    from .compiled import build as compile_all  # noqa: PLC0415 - as above

    guarded(lambda: compile_all([Path(script) for script in scripts or ()]))


@app.command("doctor")
def doctor(config: Config = None, *, json: Json = False) -> None:
    """
    Check everything that a run needs, and what confines workers.

    Each line that is not fine says how to fix it; "-" marks what is missing and not needed. Exit status 1 if one is
    not fine.
    """
    from .doctor import examine  # noqa: PLC0415 - as above

    guarded(lambda: TRUE if examine(config, as_json=json) else FALSE)


@app.command(
    "migrate",
    epilog="Exit status: 0 everything was translated, 1 something is left to you (each with its line), "
    "3 there is nothing of app_mono in it, 2 it could not be read or written.",
)
def migrate(
    cfg: Annotated[Path, typer.Argument(metavar="OLD.cfg", help="A kamailio.cfg that used app_mono.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Make the change; OLD.cfg is kept as OLD.cfg.bak.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Also the files that it includes.")] = False,
    settings: Annotated[
        Path | None,
        typer.Option("--toml", metavar="FILE", help="Where app-mono.toml goes.", show_default="beside OLD.cfg"),
    ] = None,
) -> None:
    """Show, as a patch, what a kamailio.cfg that used app_mono has to change, and the app-mono.toml that it needs."""
    from .migrate import carry_out  # noqa: PLC0415 - as above

    guarded(lambda: carry_out(cfg, write=write, follow=follow, settings=settings))


@app.command("kamailio-cfg")
def kamailio_cfg(
    *,
    kemi: Annotated[bool, typer.Option("--kemi", help="For a routing script in Python or C# (KEMI).")] = False,
    python3s: Annotated[
        bool, typer.Option("--app-python3s", help="For Kamailio's app_python3s, also where app_python3 is installed.")
    ] = False,
    toml: Annotated[bool, typer.Option("--toml", help="Only the app-mono.toml.")] = False,
    unit: Annotated[bool, typer.Option("--service", help="Only the daemon's systemd unit.")] = False,
) -> None:
    """Print the lines for kamailio.cfg, app-mono.toml and systemd, with the paths of this machine."""
    from .kamailio_cfg import show_lines  # noqa: PLC0415 - as above

    guarded(lambda: show_lines(kemi=kemi, toml_only=toml, app_python3s=python3s, unit=unit))


pv_app = typer.Typer(no_args_is_help=True, help="Pseudo-variables and transformations of the embedded host.")
app.add_typer(pv_app, name="pv")
app.add_typer(runtime.app, name="runtime")
app.add_typer(lang.app, name="lang")
app.add_typer(ksr.app, name="ksr")
app.add_typer(nodes.app)  # without a name: its commands are app-mono's


@pv_app.command("list", epilog="Exit status: 0, or 1 when nothing matches.")
def pv_list(
    containing: Annotated[str, typer.Argument(metavar="[FILTER]", help="Text in the name or meaning.")] = "",
    *,
    json: Json = False,
) -> None:
    """List what there is: how it is written, its meaning, whether it is writable, and where that was read."""
    from . import pv  # noqa: PLC0415 - as above

    guarded(lambda: pv.list_(containing, as_json=json))


@pv_app.command("get", epilog="Exit status: 0 it has a value, which may be empty; 1 it is null; 2 it is no expression.")
def pv_get(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="For example '$ru' or '$(hdr(Via)[1]{s.len})'.")],
    message: Message,
    *,
    anyway: Anyway = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Print the value of EXPR on a SIP message."""
    from . import pv  # noqa: PLC0415 - as above

    guarded(lambda: pv.get(expression, message, config, anyway=anyway, as_json=json), as_json=json)


@app.command("serve")
def serve(
    *,
    config: Config = None,
    nats: nodes.Nats = None,
    sip: Annotated[
        str | None,
        typer.Option("--sip", metavar="udp:IP:PORT", help="Answer SIP there, without Kamailio.", show_default=False),
    ] = None,
    script: Annotated[
        str | None, typer.Option("--exec", metavar="SCRIPT", help="With --sip: run for each request; as for exec.")
    ] = None,
    param: Annotated[str | None, typer.Option(help="With --sip: passed to Main; variables are replaced.")] = None,
    entry: Entry = None,
    answer: Answers = None,
    on_true: Annotated[
        str | None,
        typer.Option(metavar="ACTION", help="With --sip: forward, drop or reply:CODE:REASON.", show_default="forward"),
    ] = None,
    on_false: Annotated[
        str | None, typer.Option(metavar="ACTION", help="The same for false.", show_default="reply:403:Forbidden")
    ] = None,
) -> None:
    """Run the daemon for Kamailio, or with --sip a SIP listener. Ctrl-C ends all, TERM drains, HUP reloads."""
    actions = {name: value for name, value in (("on_true", on_true), ("on_false", on_false)) if value is not None}
    given = {"--exec": script, "--param": param, "--entry": entry, "--answer": " ".join(answer or ()) or None}
    if sip is None:
        from .serve import serve as serve_clients  # noqa: PLC0415 - as above

        guarded(lambda: serve_clients(config, given | actions, nats))
    else:
        from .listen import listen  # noqa: PLC0415 - as above

        guarded(lambda: listen(sip, script, param, config, actions, entry=entry, given=answer or ()))


@app.command("status")
def status(*, config: Config = None, socket: Socket = None, json: Json = False) -> None:
    """Show the state of the daemon."""
    _controlled(config, socket, lambda admin, path: admin.status(path, as_json=json))


@app.command("workers")
def workers(*, config: Config = None, socket: Socket = None, json: Json = False) -> None:
    """List the daemon's workers, and who holds each."""
    _controlled(config, socket, lambda admin, path: admin.workers(path, as_json=json))


@app.command("top")
def top(
    *, config: Config = None, socket: Socket = None, once: Annotated[bool, typer.Option(help="Show it once.")] = False
) -> None:
    """Watch what the daemon, its scripts and its workers do; q ends it."""
    from .top import top as show_again  # noqa: PLC0415 - as above

    _controlled(config, socket, lambda _, path: show_again(path, once=once))


@app.command("reload")
def reload(*, config: Config = None, socket: Socket = None) -> None:
    """Make the daemon read its settings again, as HUP does; names the changes that take more than that."""
    _controlled(config, socket, lambda admin, path: admin.reload(path))


@app.command("reset")
def reset(*, config: Config = None, socket: Socket = None) -> None:
    """Replace all workers of the daemon, and read the script of the setting load again."""
    _controlled(config, socket, lambda admin, path: admin.reset(path))


@app.command("drain")
def drain(*, config: Config = None, socket: Socket = None) -> None:
    """End the daemon; workers that clients hold go on serving them, until the next daemon takes over."""
    _controlled(config, socket, lambda admin, path: admin.drain(path))


@app.command("stop")
def stop(*, config: Config = None, socket: Socket = None) -> None:
    """End the daemon and all of its workers."""
    _controlled(config, socket, lambda admin, path: admin.stop(path))


@app.callback()
def common(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show what the runner does.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Set up what all commands share."""
    _ = show_version  # its callback has ended the process
    handler = show.Lines()
    handler.setLevel(logging.DEBUG if verbose else logging.WARNING)
    logger = logging.getLogger("runner")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    logger.propagate = False
    end_cleanly_on_signals()


def _carry_out(job: Job, *, watch: bool, as_json: bool, repeat: int, in_kamailio: bool, compare: bool) -> int:
    if in_kamailio and compare:
        raise ConfigError("--compare runs the script in Kamailio too: leave out --in-kamailio")
    if in_kamailio or compare:
        if watch or repeat > 1 or job.is_profiled:
            raise ConfigError("--in-kamailio and --compare run a script once: leave out --watch, --repeat, --profile")
        if job.answers or job.is_traced:
            raise ConfigError("--answer and --trace are for a run here: leave out --in-kamailio and --compare")
        from .compare import carry_out  # noqa: PLC0415 - as above

        return carry_out(job, compare=compare, as_json=as_json)
    if watch and repeat > 1:
        raise ConfigError("--repeat has no meaning with --watch, which runs at every save: leave one of them out")
    from . import profile, trace  # noqa: PLC0415 - as above
    from .watch import watch as run_at_every_save  # noqa: PLC0415 - as above

    with job:
        if watch:
            run_at_every_save(job, as_json=as_json)
        results = list(job.runs(repeat))
    if as_json:
        show.line(show.as_json(results))
    else:
        show.outcome(results[-1], Path(job.message).name)
        trace.table(results[-1])
        show.timing(results)
        profile.table(results)
        if repeat > 1:
            show.repeats(results)
    return max(result.status for result in results)


def _controlled(config: str | None, socket: str | None, action: Callable[[ModuleType, str], None]) -> None:
    from . import admin  # noqa: PLC0415 - as above

    def carry_out() -> int:
        action(admin, admin.socket_path(config, socket))
        return TRUE

    guarded(carry_out)
