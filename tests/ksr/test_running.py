"""What a running Kamailio says of its functions, and what is said when none answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.ksr import functions, running

if TYPE_CHECKING:
    from pathlib import Path

SAID = """{
	msize: 3
	methods: {
		func: {
			ret: none
			module:{blank}
			name: dbg
			params: str
		}
		func: {
			ret: int
			module: htable
			name: sht_sets
			params: str, str, str
		}
		func: {
			ret: int
			module: tm
			name: t_relay
			params: none
		}
		func: {
			ret: bool
			module: pv
			name: setl
			params:{blank}
		}
		func: {
			ret: int
			module: mine
			name: own
			params: str, int
		}
	}
}
""".replace("{blank}", " ")  # kamcmd ends an empty line so


@pytest.fixture
def kamcmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which a test writes."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "kamcmd"
    program.touch(0o755)
    return program


def test_each_function_is_read_and_gets_its_names_from_the_list() -> None:
    found = running.parse(SAID)

    known, unknown = running.described(found, functions.read("6.0"))

    assert [str(each) for each in found] == [
        "none dbg(str p1)",
        "int htable.sht_sets(str p1, str p2, str p3)",
        "int mine.own(str p1, int p2)",
        "bool pv.setl( p1)",
        "int tm.t_relay()",
    ]
    assert [str(each) for each in known] == [
        "none dbg(str txt)",
        "int htable.sht_sets(str htname, str itname, str itval)  htable.so",
        "bool pv.setl(str pvn, long xval)",
        "int tm.t_relay()  tm.so",
    ]
    assert unknown == [found[2]]


def test_the_second_module_that_runs_python_is_asked_too(kamcmd: Path) -> None:
    kamcmd.write_text(
        '#!/bin/sh\n[ "$3" = app_python3s.api_list ] || { echo "error: 500 - command $3 not found"; exit 0; }\n'
        f"cat <<'END'\n{SAID}END\n",
        "utf-8",
    )

    assert len(running.functions_of("unix:/x")) == 5


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("error: 500 - command $3 not found", r'unix:/x: this Kamailio runs no Python: loadmodule "app_python3.so" \('),
        ("ERROR: connect_unix_sock: connect(/x): No such file", r'expected a running Kamailio .* loadmodule "ctl.so"'),
        ("", "nothing came"),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(kamcmd: Path, answer: str, told: str) -> None:
    kamcmd.write_text(f'#!/bin/sh\necho "{answer}" >&2\n', "utf-8")

    with pytest.raises(ConfigError, match=told):
        running.functions_of("unix:/x")


def test_a_machine_without_kamcmd_says_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(running, "PLACES", str(tmp_path))

    with pytest.raises(ConfigError, match="kamcmd is not installed: apt-get install kamailio"):
        running.functions_of("unix:/x")
