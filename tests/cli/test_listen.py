"""``app-mono serve --sip``: its settings, and its script; tests/test_listener.py has what it answers."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.cli.listen import _Source
from tests.cli.commands import PLAIN, app_mono, script
from tests.kamailio.rig import Peer, free_udp_port
from tests.programs import WAIT_S, until
from tests.running_daemon import COMMAND, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRUE = "static int Main() { return 0; }"


@contextmanager
def listening(directory: Path, settings: str, *options: str, env: Mapping[str, str] = PLAIN) -> Iterator[Peer]:
    """A socket that speaks with a listener with these settings."""
    port = free_udp_port()
    config, log = directory / "listener.toml", directory / "listener.log"
    config.write_text(f"allocate_timeout_s = 10\nexec_timeout_s = 10\n{settings}", "utf-8")
    command = [*COMMAND, "serve", "--sip", f"udp:127.0.0.1:{port}", "--config", str(config), *options]
    with (
        log.open("wb") as file,
        subprocess.Popen(command, stdout=file, stderr=file, env=env) as process,
        Peer(port) as peer,
    ):
        until(lambda: "listening on" in log.read_text("utf-8") or process.poll() is not None, "it listens")
        assert process.poll() is None, log.read_text("utf-8")
        try:
            yield peer
        finally:
            process.terminate()
            ended = process.wait(WAIT_S)
        assert ended == 0


def status_of_the_answer(peer: Peer) -> str:
    answer = peer.ask(peer.request(), WAIT_S)
    assert answer is not None
    return answer.partition(b"\r\n")[0].decode()


@pytest.mark.parametrize(
    ("options", "answer"),
    [((), "SIP/2.0 486 Of the table"), (("--on-true", "reply:404:Of the option"), "SIP/2.0 404 Of the option")],
)
def test_an_option_outweighs_the_table_of_the_listener(tmp_path: Path, options: tuple[str, ...], answer: str) -> None:
    """And the script that the setting ``load`` names runs where none is named."""
    loaded = compiled(tmp_path, "Loaded", TRUE)
    settings = f'load = "{loaded}"\n[listener]\non_true = "reply:486:Of the table"\n'

    with listening(tmp_path, settings, *options) as peer:
        assert status_of_the_answer(peer) == answer


def test_a_load_that_cannot_be_run_is_named_with_its_setting(tmp_path: Path) -> None:
    settings = tmp_path / "app-mono.toml"
    settings.write_text(f'load = "{tmp_path}/None.exe"\n', "utf-8")

    done = app_mono("serve", "--sip", f"udp:127.0.0.1:{free_udp_port()}", "--config", settings)

    told = f"error: load: expected a script that can be run: {tmp_path}/None.exe: there is no such file\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_a_script_that_is_named_here_need_not_be_below_script_dirs(tmp_path: Path) -> None:
    """They are for clients that only send a name to a daemon."""
    named = compiled(tmp_path, "Named", TRUE)

    with listening(tmp_path, 'script_dirs = ["/nowhere"]\n', "--exec", str(named), "--on-true", "reply:200:OK") as peer:
        assert status_of_the_answer(peer) == "SIP/2.0 200 OK"


def build(source: _Source) -> bytes:
    """The assembly that runs now; its place stays."""
    return Path(source.assembly()).read_bytes()


def test_a_source_is_compiled_at_the_start_and_when_it_has_changed(tmp_path: Path) -> None:
    source = _Source(str(script(tmp_path, "return 0;")), "mono")
    first, same = build(source), build(source)

    script(tmp_path, "return 1;")
    second = build(source)

    assert first[:2] == b"MZ"
    assert same == first != second


def test_a_source_that_is_gone_or_does_not_compile_leaves_what_there_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = script(tmp_path, "return 0;")
    source = _Source(str(path), "mono")
    first = build(source)

    path.unlink()
    gone = build(source)
    script(tmp_path, "return x;")
    broken, again = build(source), build(source)

    assert gone == broken == again == first
    assert capsys.readouterr().err.count("error CS0103") == 1  # each build is tried once


def test_while_one_caller_compiles_the_others_go_on_with_what_there_was(tmp_path: Path) -> None:
    source = _Source(str(script(tmp_path, "return 0;")), "mono")
    first = build(source)
    script(tmp_path, "return 1;")

    with source._compiling:
        meanwhile = build(source)

    assert meanwhile == first != build(source)


def test_dollars_in_the_name_of_an_assembly_are_no_variables(tmp_path: Path) -> None:
    path = compiled(tmp_path, "Decides", TRUE).rename(tmp_path / "$ru.exe")

    assert _Source(str(path), "mono").assembly() == f"{tmp_path}/$$ru.exe"


ROUTE = """using SR;
public static class Route
{
    public static int ksr_request_route()
    {
        if (KSR.is_OPTIONS())
        {
            KSR.sl.send_reply(204, "From the entry");
        }
        else if (KSR.is_MESSAGE())
        {
            KSR.tm.t_relay();
        }
        return 7;
    }
}
"""


def test_an_entry_answers_each_request_as_under_kamailio(tmp_path: Path) -> None:
    """What it returns is ignored; one that does nothing sends nothing, and one that fails is kemi_on_error."""
    (tmp_path / "Route.cs").write_text(ROUTE, "utf-8")
    words = ("--exec", str(tmp_path / "Route.cs"), "--entry", "ksr_request_route")

    with listening(tmp_path, 'kemi_on_error = "503 Not now"\n', *words) as peer:
        failed = peer.ask(peer.request("MESSAGE", call_id="a"), WAIT_S)
        ignored = peer.ask(peer.request("INFO", call_id="b"), 0.3)
        assert status_of_the_answer(peer) == "SIP/2.0 204 From the entry"

    log = (tmp_path / "listener.log").read_text("utf-8")
    assert failed is not None
    assert failed.startswith(b"SIP/2.0 503 Not now\r\n")
    assert ignored is None
    assert "KSR.tm.t_relay needs a running Kamailio" in log
    assert "--answer tm.t_relay=VALUE" in log


def test_an_entry_of_the_script_of_load_runs_with_answers_and_actions_of_ones_own(tmp_path: Path) -> None:
    loaded = compiled(tmp_path, "Loaded", ROUTE.partition("{")[2].rpartition("}")[0] + "static void Main() { }")
    settings = f'load = "{loaded}"\n[answers]\n"tm.t_relay" = 1\n'
    words = ("--entry", "ksr_request_route", "--answer", "is_MESSAGE=true", "--on-true", "reply:202:Done")

    with listening(tmp_path, settings, *words, "--answer", "is_OPTIONS=false") as peer:
        assert status_of_the_answer(peer) == "SIP/2.0 202 Done"

    log = (tmp_path / "listener.log").read_text("utf-8")
    assert "info: KSR is_MESSAGE() -> true (answered by --answer)\n" in log
    assert "info: KSR tm.t_relay() -> 1 (answered by [answers])\n" in log


def test_entry_and_answers_are_of_the_listener_alone(tmp_path: Path) -> None:
    for words in (("--entry", "route"), ("--answer", "tm.t_relay=1")):
        done = app_mono("serve", "--config", tmp_path / "x.toml", *words)
        assert (done.returncode, done.stderr.partition(" has")[0]) == (2, f"error: {words[0]}")


def test_an_entry_that_is_not_there_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "Route.cs").write_text(ROUTE, "utf-8")
    loaded = compiled(tmp_path, "Loaded", ROUTE.partition("{")[2].rpartition("}")[0] + "static void Main() { }")
    (tmp_path / "load.toml").write_text(f'load = "{loaded}"\n', "utf-8")
    begin = ("serve", "--sip", "udp:127.0.0.1:5060", "--entry", "route_request")

    named = app_mono(*begin, "--exec", tmp_path / "Route.cs")
    of_load = app_mono(*begin, "--config", tmp_path / "load.toml")

    assert (named.returncode, of_load.returncode) == (2, 2)
    assert named.stderr == "error: there is no entry 'route_request'; it has ksr_request_route\n"
    assert of_load.stderr.startswith("error: load: expected a script that can be run: there is no entry ")
