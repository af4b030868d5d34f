"""Migrated configurations in a real Kamailio: what arrives is what the old call passed."""

from __future__ import annotations

import ast
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runner.migrate import migrate
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble
from tests.kamailio.routes import needs_app_mono
from tests.places import ROOT
from tests.programs import MCS

STAND_IN = Path(__file__).parent / "stand_in.py"
ARGUMENT = '$var(q) = "a\\"b\\\\c\'d  e"; $var(n) = 7;\n'
FRAGMENTS = (
    "a",
    "/x.exe",
    " ",
    "  ",
    '"',
    "'",
    "\\",
    "\\\\",
    "\t",
    "é",
    "#",
    "//",
    "/*",
    "*/",
    ",",
    ")",
    "(",
    "{",
    ";",
)
VARIABLES = ("$(rU)", "$(var(q))", "$var(n)", "$(ru{s.len})", "$rd ", "$$", "$hdr(X-Q) ")
values = st.lists(st.sampled_from(FRAGMENTS + VARIABLES), max_size=8).map("".join)


def source(value: str, *, single: bool) -> str:
    """A string of a cfg, in single quotes where it can be."""
    if single and "'" not in value:
        return f"'{value}'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def split(text: str) -> tuple[str, str | None]:
    """Path and parameter as the Kamailio side takes them apart; only its one function, for there is no KSR here."""
    tree = ast.parse((ROOT / "kamailio" / "app_mono.py").read_text(encoding="utf-8"))
    own = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "split")
    names: dict[str, Any] = {"ConfigError": ValueError}
    exec(compile(ast.Module([own], []), "app_mono.py", "exec"), names)  # noqa: S102 - our own source
    path, param = names["split"](text)
    return path, param


def arrived(cfg: str, directory: Path, port: int, *, script: Path = STAND_IN) -> list[list[str]]:
    """Run a cfg, send one request, and give what the stand-in wrote down."""
    found = directory / "arrived"
    found.touch()
    cfg = cfg.replace("SCRIPT_FILE", str(script))
    with Kamailio(cfg, directory, port, {"ARRIVED": str(found)}) as kamailio, Peer(port) as peer:
        answer = peer.ask(peer.request(headers='X-Q: it\'s "quoted"\r\n'))
        assert answer is not None, kamailio.log()
        assert answer.startswith(b"SIP/2.0 200"), kamailio.log()
    return [json.loads(line) for line in found.read_text(encoding="ascii").splitlines()]


def migrated(cfg: str, directory: Path) -> str:
    path = directory / "old.cfg"
    path.write_text(cfg, encoding="utf-8")
    found = migrate(path, script=STAND_IN, config=Path("/etc/app-mono/app-mono.toml"))
    assert [each.text for each in found.open if "does not begin with a directory" not in each.text] == []
    return {source.path: new for source, new in found.changed}[path]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.tuples(values, st.none() | values, st.booleans()), min_size=20, max_size=60))
def test_path_and_parameter_of_any_call_arrive_as_the_old_call_passed_them(
    calls: list[tuple[str, str | None, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_udp_port()
        body = ""
        for path, param, single in calls:
            # The same fixup that app_mono gave its own arguments evaluates these two.
            body += f'python_exec("path", {source(path, single=single)});\n'
            body += f'python_exec("param", {source(param or "", single=single)});\n'
            more = "" if param is None else f", {source(param, single=not single)}"
            body += f"mono_exec({source(path, single=single)}{more});\n"
        route = migrated(f"request_route {{\n{ARGUMENT}{body}sl_send_reply('200', 'OK'); exit; }}\n", directory)
        head = preamble(port, ["sl", "pv", "textops", "app_python3"])

        found = arrived(f'{head}modparam("app_python3", "load", "SCRIPT_FILE")\n{route}', directory, port)

        assert len(found) == 3 * len(calls)
        for index, (path, param, _) in enumerate(calls):
            (_, old_path), (_, old_param), (method, argument) = found[3 * index : 3 * index + 3]
            expected = (old_path, None if param is None else old_param)
            assert (method, *split(argument)) == ("mono_exec", *expected), (path, param)


OLD = r"""
#!define WITH_MONO
#!define ROUTE_SCRIPT "/etc/kamailio/mono/Route.exe"
#!substdef "!SCRIPTS!/opt/my scripts!g"
#!ifdef WITH_MONO
loadmodule "app_mono.so"   # C#
#!endif
route[EACH] {
	if (!mono_exec(ROUTE_SCRIPT)) { exit; }
	if (mono_exec(ROUTE_SCRIPT, "$rU and \"$fU\"") == 1 && mono_run()) {
		switch (mono_exec('SCRIPTS/a.exe', "")) {
			case 1:
				mono_run("in switch $rU");
				break;
		}
	}
	$var(rc) = mono_exec("/etc/kamailio/mono/$(rd).exe",   # one for each domain
		"$var(none)");                              /* 0 when fresh */
	mono_run("a" + $rU);
}
request_route {
	route(EACH);
	sl_send_reply("200", "OK");
	exit;
}
"""
ARRIVE = [
    ["mono_exec", "/etc/kamailio/mono/Route.exe"],
    ["mono_exec", '/etc/kamailio/mono/Route.exe bob and "alice"'],
    ["mono_run"],
    ["mono_exec", '"/opt/my scripts/a.exe" '],
    ["mono_run", "in switch bob"],
    ["mono_exec", '"/etc/kamailio/mono/example.com.exe" 0'],
    ["mono_run", "abob"],
]


def test_a_migrated_configuration_is_accepted_and_routes_a_call(tmp_path: Path) -> None:
    port = free_udp_port()
    cfg = migrated(preamble(port, ["sl", "pv"]) + OLD, tmp_path)

    assert Kamailio(cfg, tmp_path / "check", port).check().startswith("accepted")
    (tmp_path / "run").mkdir()
    assert arrived(cfg, tmp_path / "run", port) == ARRIVE


@needs_app_mono
@pytest.mark.parametrize("call", ['mono_exec("/x.exe", $rU)', "mono_exec($var(x))"])
def test_what_migrate_refuses_as_not_constant_kamailio_never_accepted(tmp_path: Path, call: str) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv", "app_mono"]) + f"request_route {{ {call}; }}\n"

    told = Kamailio(cfg, tmp_path, port).check()

    assert told.startswith("refused")
    assert "is not constant" in told


CFGS = sorted((ROOT / "kamailio").glob("*.cfg"))


@pytest.mark.parametrize("path", CFGS, ids=lambda path: path.name)
def test_kamailio_accepts_every_cfg_of_the_repository(tmp_path: Path, path: Path) -> None:
    if "app_lua" in path.read_text(encoding="utf-8") and not has_module("app_lua"):
        pytest.skip("needs Debian's kamailio-lua-modules")

    told = Kamailio(path.read_text(encoding="utf-8"), tmp_path, free_udp_port()).check()

    assert told.startswith("accepted"), told


@pytest.mark.parametrize("name", ["minimal.cfg", "routing.cfg"])
def test_an_example_starts_and_asks_its_script(tmp_path: Path, name: str) -> None:
    """``kamailio -c`` leaves the arguments of functions unread; the start reads them."""
    port = free_udp_port()
    cfg = (ROOT / "kamailio" / name).read_text(encoding="utf-8")
    cfg = cfg.replace("127.0.0.1:5060", f"127.0.0.1:{port}\ndisable_tcp=yes")
    cfg = cfg.replace("/usr/share/app-mono/kamailio/app_mono.py", str(STAND_IN))
    cfg = cfg.replace('"fr_timer", 2000', '"fr_timer", 30000')  # the call that nobody answers fails after the test
    found = tmp_path / "arrived"

    with Kamailio(cfg, tmp_path, port, {"ARRIVED": str(found)}) as kamailio, Peer(port) as peer:
        uri = f"sip:bob@127.0.0.1:{peer.port}"
        assert peer.ask(peer.request("INVITE", uri)) is not None, kamailio.log()

    (call,) = [json.loads(line) for line in found.read_text(encoding="ascii").splitlines()]
    assert call[0] == "mono_exec"
    assert split(call[1])[0].startswith("/etc/kamailio/mono/")


@pytest.mark.skipif(not has_module("app_lua"), reason="needs Debian's kamailio-lua-modules")
def test_lua_reaches_a_script_through_app_python3(tmp_path: Path) -> None:
    port = free_udp_port()
    cfg = (ROOT / "kamailio" / "lua_routing.cfg").read_text(encoding="utf-8")
    cfg = cfg.replace("127.0.0.1:5060", f"127.0.0.1:{port}\ndisable_tcp=yes")
    cfg = cfg.replace("/usr/share/app-mono/kamailio/app_mono.py", str(STAND_IN))
    cfg = cfg.replace("/usr/share/app-mono/kamailio", str(ROOT / "kamailio"))

    assert arrived(cfg, tmp_path, port) == [["mono_exec", "/etc/kamailio/mono/MySRTest.exe bob"]]


@needs_app_mono
@pytest.mark.parametrize(
    ("name", "call", "param"),
    [
        ("x.exe", 'mono_exec("DIR/x.exe")', None),
        ("x.exe", 'mono_exec("DIR/x.exe", "")', ""),
        ("my x.exe", 'mono_exec(\'DIR/my x.exe\', " a  \\"b\\\\c $rU")', ' a  "b\\c bob'),
        ("example.com.exe", 'mono_exec("DIR/$(rd).exe", "$rU $var(none)")', "bob 0"),
    ],
)
def test_the_embedded_module_got_what_the_migrated_call_gets(
    tmp_path: Path, name: str, call: str, param: str | None
) -> None:
    """One call a process: the second mono_exec of the embedded module crashes Kamailio."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    told = tmp_path / "told"
    code = f'System.IO.File.WriteAllText("{told}", args.Length + "|" + (args.Length > 0 ? args[0] : ""));'
    program = scripts / "x.cs"
    program.write_text(f"class X {{ static int Main(string[] args) {{ {code} return 0; }} }}\n", encoding="utf-8")
    subprocess.run([MCS, f"-out:{scripts / 'x.exe'}", str(program)], check=True, capture_output=True, timeout=60)
    (scripts / "x.exe").rename(scripts / name)
    route = f"request_route {{ {call.replace('DIR', str(scripts))}; sl_send_reply('200', 'OK'); exit; }}\n"
    port = free_udp_port()
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()

    old = preamble(port, ["sl", "pv", "app_mono"]) + route
    with Kamailio(old, tmp_path / "old", port) as kamailio, Peer(port) as peer:
        assert peer.ask(peer.request()) is not None, kamailio.log()
    head = preamble(port, ["sl", "pv", "app_python3"]) + 'modparam("app_python3", "load", "SCRIPT_FILE")\n'
    ((_, argument),) = arrived(head + migrated(route, tmp_path), tmp_path / "new", port)

    assert told.read_text(encoding="utf-8") == ("0|" if param is None else f"1|{param}")
    assert split(argument) == (str(scripts / name), param)
