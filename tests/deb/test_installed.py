"""
The package on a Debian that was just installed: what an administrator does with it, in order.

``make test-deb`` builds the packages and says which releases to try. Each test goes on where the one before it ended.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pexpect
import pytest

from tests.deb.machine import Machine, booted
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASES = os.environ.get("DEB_RELEASES", "").split()
DPKG_DEB = shutil.which("dpkg-deb") or "dpkg-deb"
NUMBERS = {"bookworm": "12", "trixie": "13"}
SETTINGS = "/etc/app-mono/app-mono.toml"
SCRIPT = "/etc/kamailio/mono/MySRTest.cs"
WRITTEN = {SCRIPT, SCRIPT.replace(".cs", ".exe"), SCRIPT.replace(".cs", ".exe.mdb")}
SOURCE = r"""
public static class MySRTest
{
    public static int Main(string[] args)
    {
        SR.HDR.AppendToReply("X-Greeting: hello " + args[0] + "\r\n");
        return 0;
    }
}
"""
PATIENCE = "exec_timeout_s = 20.0\nallocate_timeout_s = 20.0\n"  # a busy machine loses no call either
LIB = "/usr/lib/app-mono"
LANE = f"{LIB}/runner/lane/_lane.abi3.so"
CFG = "/etc/kamailio/kamailio.cfg"
CALL = 'request_route {\n\troute(SCRIPT);\n\tsl_send_reply("200", "OK");\n\texit;\n'
ASK = """
import contextlib, socket
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(("127.0.0.1", 0))
peer.settimeout(1)
lines = ["OPTIONS sip:bob@127.0.0.1 SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{peer.getsockname()[1]};branch=z9hG4bK1"]
lines += ["From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>", "Call-ID: 1", "CSeq: 1 OPTIONS"]
for again in range(32):  # until it is answered, as a SIP client does over UDP
    peer.sendto("\\r\\n".join([*lines, "Content-Length: 0", "", ""]).encode(), ("127.0.0.1", 5060))
    with contextlib.suppress(TimeoutError):
        print(peer.recv(65536).decode())
        break
"""
# What apt, dpkg and systemd note of everything, and what every program leaves when it is used.
NOTES = re.compile(
    r"/(boot|dev|proc|run|srv|sys|tmp|var/(cache/(apt|debconf|ldconfig|man)|lib/(apt|dpkg|systemd|ucf)|log|tmp))(/|$)"
    r"|/etc/(passwd|group|g?shadow|sub[ug]id)-?$|/root/|/etc/kamailio/kamailio.cfg$|/etc/ld.so.cache$"
)

pytestmark = [
    pytest.mark.skipif(not RELEASES, reason="installs packages on fresh systems, for minutes: make test-deb"),
    pytest.mark.timeout(1800),
]


def package(release: str) -> Path:
    """That of this version in dist/."""
    (found,) = ROOT.glob(f"dist/app-mono_{version('app-mono')}~deb{NUMBERS[release]}_*.deb")
    return found


def of_the_version_before(new: Path, directory: Path) -> Path:
    """
    The package named by ``DEB_BEFORE``, or, as long as none was published, the new one with a lower version.
    """
    tree, before = directory / "before", directory / "before.deb"
    if "DEB_BEFORE" in os.environ:
        return Path(shutil.copy(ROOT / os.environ["DEB_BEFORE"], before))
    subprocess.run([DPKG_DEB, "--raw-extract", new, tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(control.read_text("utf-8").replace("\nVersion: ", "\nVersion: 0.0.1~before~"), "utf-8")
    subprocess.run([DPKG_DEB, "--root-owner-group", "--build", tree, before], check=True, stdout=subprocess.DEVNULL)
    return before


@pytest.fixture(scope="module", params=RELEASES)
def new(request: pytest.FixtureRequest) -> Path:
    """The package."""
    return package(request.param)


@pytest.fixture(scope="module")
def machine(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh system of that release, on which apt finds both packages in /srv."""
    release = next(name for name, number in NUMBERS.items() if f"~deb{number}_" in new.name)
    before = of_the_version_before(new, tmp_path_factory.mktemp(release))
    with booted(release, [before, new], ("bash-completion", "lintian", "man-db", "zsh")) as machine:
        yield machine


def files(machine: Machine) -> set[str]:
    """All files and directories of the system that are more than notes."""
    listed = machine.run("find", "/", "-xdev", "-print").splitlines()
    return {path for path in listed if not NOTES.match(path)}


def doctor(machine: Machine) -> dict[str, tuple[str, str]]:
    """What it says, with which verdict; nothing has to be mended."""
    told = json.loads(machine.run("app-mono", "doctor", "--json", "--config", SETTINGS))
    assert told["ok"], told
    return {check["check"]: (check["verdict"], check["text"]) for check in told["checks"]}


def status(machine: Machine) -> dict[str, object]:
    """The daemon's state."""
    told: dict[str, object] = json.loads(machine.run("app-mono", "status", "--json"))
    return told


def test_lintian_finds_nothing(machine: Machine, new: Path) -> None:
    assert machine.run("lintian", "--allow-root", "--fail-on=error,warning", f"/srv/{new.name}") == ""


def test_what_is_compiled_is_for_one_architecture_and_hardened(machine: Machine, new: Path, tmp_path: Path) -> None:
    subprocess.run([DPKG_DEB, "--extract", new, tmp_path], check=True)
    shutil.copytree(tmp_path / LIB[1:], machine.root / "srv" / "lib")
    told = machine.run("readelf", "--wide", "--dynamic", "--segments", "--symbols", LANE.replace(LIB, "/srv/lib"))

    own = machine.run("dpkg", "--print-architecture").strip()
    assert machine.run("dpkg-deb", "--field", f"/srv/{new.name}", "Architecture").strip() == own
    assert {"BIND_NOW", "GNU_RELRO", "__stack_chk_fail"} <= set(re.findall(r"\w+", told))
    assert re.search(r"GNU_STACK .* RW +0x", told)
    assert "TEXTREL" not in told


def test_one_command_gives_a_running_daemon(machine: Machine) -> None:
    machine.apt("install", "/srv/before.deb")

    assert machine.property("app-mono", "ActiveState") == "active"
    assert machine.property("app-mono", "UnitFileState") == "enabled"
    assert machine.run("systemctl", "--failed", "--quiet") == ""
    machine.run("systemd-analyze", "verify", "app-mono.service")
    told = doctor(machine)
    assert told["user"][1].startswith("workers run as app-mono-scripts ")
    assert told["daemon"][0] == told["kamailio"][0] == "ok"
    assert told["lane"] == ("ok", "in C; with APP_MONO_LANE=python in the environment the one in Python runs")


def test_two_more_give_a_call_through_c_sharp(machine: Machine) -> None:
    (machine.root / SCRIPT[1:]).write_text(SOURCE, "utf-8")
    machine.run("app-mono", "build", SCRIPT)
    machine.run("sh", "-c", f"app-mono kamailio-cfg >>{CFG}")
    machine.edit(CFG, "request_route {\n", CALL)
    machine.run("kamailio", "-c")
    machine.run("systemctl", "restart", "kamailio")

    reply = machine.run("python3", "-", text=ASK)

    assert reply.startswith("SIP/2.0 200 OK")
    assert "X-Greeting: hello bob" in reply
    have_it = machine.run("sh", "-c", f"grep --files-with-matches --no-messages {LANE} /proc/[0-9]*/maps || :").split()
    names = {Path(machine.root, maps[1:]).with_name("comm").read_text("utf-8").strip() for maps in have_it}
    assert "kamailio" in names, "its own Python runs the lane in C"


def test_a_typo_in_the_settings_is_named_costs_no_call_and_is_over_once_it_is_mended(machine: Machine) -> None:
    machine.edit(SETTINGS, "max_workers", "max_worker")
    reloaded = machine.try_run("systemctl", "reload", "app-mono").returncode
    restarted = machine.try_run("systemctl", "restart", "app-mono").returncode

    reply = machine.run("python3", "-", text=ASK)
    told = machine.run("journalctl", "--unit=app-mono", "--lines=20")
    machine.edit(SETTINGS, "max_worker", "max_workers")
    until(lambda: machine.property("app-mono", "ActiveState") == "active", "it starts by itself")

    assert (reloaded, restarted) == (1, 1)
    assert "X-Greeting: hello bob" in reply
    assert f"{SETTINGS}: max_worker: there is no such setting; did you mean max_workers?" in told
    assert machine.property("app-mono", "StartLimitIntervalUSec") == "0", "of failures there may be any number"


def test_a_server_without_a_compiler_runs_what_is_compiled(machine: Machine) -> None:
    machine.apt("remove", "mono-mcs")
    machine.run("systemctl", "restart", "app-mono", "kamailio")

    reply = machine.run("python3", "-", text=ASK)
    machine.apt("install", "mono-mcs")

    assert "X-Greeting: hello bob" in reply
    assert machine.property("app-mono", "NRestarts") == "0"


def test_each_command_has_its_manual_page(machine: Machine) -> None:
    told = machine.run("app-mono", "--help", TYPER_USE_RICH="0").partition("\nCommands:\n")[2]
    listed = re.findall(r"^  ([a-z-]+)", told, re.MULTILINE)

    assert {"serve", "exec", "kamailio-cfg"} <= set(listed)
    machine.run("man", "--where", "app-mono", *(f"app-mono-{name}" for name in listed))


def test_tab_completes_a_command_in_bash_and_zsh(machine: Machine) -> None:
    for shell, setting in (
        ("bash --norc", "source /usr/share/bash-completion/bash_completion"),
        ("zsh -f", "autoload -U compinit && compinit -u"),
    ):
        words = [*machine.inside, "env", "TERM=dumb", *shell.split(), "-i"]
        typist = pexpect.spawn(words[0], words[1:], encoding="utf-8", timeout=WAIT_S)
        typist.sendline(f"{setting}; echo rea''dy")
        typist.expect("ready")
        typist.send("app-mono kama\t")
        typist.expect("kamailio-cfg")
        typist.close(force=True)


def outcomes(machine: Machine) -> set[str]:
    """What the execs of the script came to, of those that a process of Kamailio has counted since it is there."""
    scripts = cast("list[dict[str, Any]]", status(machine)["scripts"])
    return {name for script in scripts for build in script["builds"] for name in build["outcomes"]}


@pytest.mark.parametrize("per_s", [50, 100])
def test_an_upgrade_in_traffic_loses_no_call_and_no_setting(
    machine: Machine, new: Path, tmp_path: Path, per_s: int
) -> None:
    """The second one installs the same version again, and begins before the processes of Kamailio have workers."""
    again = "max_workers = 16" in (machine.root / SETTINGS[1:]).read_text("utf-8")
    if not again:
        machine.edit(SETTINGS, "max_workers = 17\n", f"max_workers = 16\n{PATIENCE}")
    machine.run("systemctl", "restart", "app-mono", "kamailio")
    before = machine.property("app-mono", "MainPID")
    with Sipp("answered", 5060, 100_000, per_s, tmp_path, within=machine.in_network) as sipp:
        if not again:
            until(lambda: status(machine)["users"], "Kamailio's processes hold workers")
        machine.apt("install", *["--reinstall"] * again, f"/srv/{new.name}")
        until(lambda: status(machine)["users"], "they hold workers of the new daemon")
        was_running = sipp.is_running
        sipp.finish()

    counts = sipp.counts()
    assert was_running
    assert machine.property("app-mono", "MainPID") != before
    assert machine.property("app-mono", "NRestarts") == "0"
    assert machine.run("dpkg-query", "-W", "-f=${Version}", "app-mono") == new.name.split("_")[1]
    assert (counts.failed, counts.successful) == (0, counts.created), sipp.errors()[-2000:]
    assert outcomes(machine) == {"true"}, machine.run("journalctl", "--unit=kamailio", "--unit=app-mono")[-5000:]
    assert "max_workers = 16" in (machine.root / SETTINGS[1:]).read_text("utf-8")


def test_removal_ends_the_daemon_and_every_worker(machine: Machine) -> None:
    machine.apt("remove", "app-mono")

    assert machine.property("app-mono", "ActiveState") == "inactive", machine.run("journalctl", "--unit=app-mono")[
        -3000:
    ]
    assert machine.try_run("pgrep", "--full", "app-mono|SRBridge").stdout == ""
    assert (machine.root / SETTINGS[1:]).exists()


def test_purge_leaves_nothing_but_what_the_administrator_wrote(machine: Machine) -> None:
    machine.apt("purge", "app-mono")

    assert {path for path in files(machine) if "app-mono" in path or "app_mono" in path} == set()
    assert set(machine.run("find", "/etc/kamailio/mono", "-type", "f").split()) == WRITTEN
    assert machine.try_run("getent", "passwd", "app-mono-scripts").stdout == ""
    assert machine.try_run("getent", "group", "app-mono-scripts").stdout == ""


def test_the_sandbox_can_be_chosen_before_and_a_purge_leaves_no_more(machine: Machine, new: Path) -> None:
    before = files(machine)
    machine.run("debconf-set-selections", text="app-mono app-mono/sandbox boolean true\n")
    machine.apt("install", f"/srv/{new.name}")
    machine.run("systemctl", "restart", "kamailio")

    told = doctor(machine)
    reply = machine.run("python3", "-", text=ASK)
    machine.apt("purge", "app-mono")

    assert told["sandbox"][0] == "ok", told["sandbox"]
    assert "X-Greeting: hello bob" in reply
    assert files(machine) == before
