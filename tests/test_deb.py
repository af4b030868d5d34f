"""What the package is made of agrees with itself and with the rest; `make test-deb` installs it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from runner.cli.kamailio_cfg import lines
from runner.settings import Settings
from tests.places import ROOT

DEBIAN = ROOT / "debian"
SH, SED = shutil.which("sh") or "sh", shutil.which("sed") or "sed"
SCRIPTS = ("config", "postinst", "postrm", "prerm")


def text(name: str) -> str:
    return (DEBIAN / name).read_text("utf-8")


def unit() -> dict[str, str]:
    """The unit as it is installed: the last value of each name."""
    made = subprocess.run(
        [SED, "-f", DEBIAN / "unit.sed", ROOT / "kamailio" / "app-mono.service"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return dict(re.findall(r"^(\w+)=(.*)$", made, re.MULTILINE))


def test_the_unit_differs_from_the_other_in_user_and_place_only() -> None:
    other = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "kamailio" / "app-mono.service").read_text("utf-8"), re.MULTILINE))
    made = unit()

    assert {name for name in made | other if made.get(name) != other.get(name)} == {
        "Documentation",
        "ExecReload",
        "ExecStart",
        "User",
    }
    assert made["User"] == "root"
    assert made["ExecStart"] == "/usr/bin/app-mono serve --config /etc/app-mono/app-mono.toml"


def test_the_settings_are_valid_and_those_that_kamailio_cfg_prints_and_two_users() -> None:
    settings = tomllib.loads(text("app-mono.toml"))

    assert Settings.from_file(str(DEBIAN / "app-mono.toml")).worker_user == "app-mono-scripts"
    users = {"worker_user": "app-mono-scripts", "socket_owner": "kamailio"}
    assert settings == tomllib.loads(lines(kemi=False, toml_only=True)) | users


def test_the_users_of_the_settings_are_made_and_only_our_own_is_removed() -> None:
    made = re.findall(r"adduser .*?\s([\w-]+)$", text("app-mono.postinst").replace("\\\n", ""), re.MULTILINE)

    assert sorted(made) == ["app-mono-scripts", "kamailio"]
    assert re.findall(r"deluser .*?([\w-]+) \|\|", text("app-mono.postrm")) == ["app-mono-scripts"]


def test_the_question_has_one_name_and_sets_what_the_program_reads() -> None:
    (question,) = re.findall(r"^Template: (.*)$", text("app-mono.templates"), re.MULTILINE)
    (line,) = re.findall(r"echo '(sandbox = .*)' >>", text("app-mono.postinst"))

    assert set(re.findall(r"app-mono/sandbox\b", text("app-mono.config"))) == {question}
    assert f"db_get {question}\n" in text("app-mono.postinst")
    assert Settings(**tomllib.loads(line)).sandbox == "bwrap"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_maintainer_script_is_a_shell_script(name: str) -> None:
    done = subprocess.run([SH, "-n", DEBIAN / f"app-mono.{name}"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert text(f"app-mono.{name}").startswith("#!/bin/sh\nset -e\n")


def test_the_package_has_the_licence_of_the_project() -> None:
    words = " ".join(text("copyright").replace("\n .\n", "\n").split())

    assert " ".join((ROOT / "LICENSE").read_text("utf-8").partition("maintainers\n")[2].split()) in words
