"""
Every exported function of every installed module through ModF, in a real Kamailio, which has to live.

``make test`` does this for the modules that it installs, ``make test-modf`` for all that Debian packages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.modf_rig import REQUESTS, Caller, would_run
from tests.kamailio.modules import STARTS, TABLES, Start
from tests.kamailio.rig import KAMAILIO, MODULES
from tests.kamailio.routes import HERE, Place, built_for_app_mono, ours, place, running
from tests.kamailio.test_kamailio_host import read, word
from tests.places import ROOT
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["place"]
pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed: make test installs it")
INSTALLED = sorted(path.stem for path in MODULES.glob("*.so"))
STARTED = [module for module in INSTALLED if not STARTS.get(module, Start()).cannot]
NOT_STARTED = [module for module in INSTALLED if module not in STARTED]

# These ended a Kamailio 5.6.3 or 6.0.1 through ModF: by a parameter that was never set, by what they are for, or
# because the message is not what they take it for.
CRASHERS = {
    "tm": ["t_replicate", "t_relay_to", "t_drop_replies", "t_load_contacts", "t_lookup_cancel"],
    "corex": ["send_udp", "send_tcp"],
    "siputils": ["is_gruu"],
    "nathelper": ["add_rcv_param"],
    "rtpengine": ["rtpengine_query", "rtpengine_info", "stop_recording", "block_media", "start_forwarding"],
    "rr": ["load_rr"],
    "htable": ["bind_htable"],
    "cfgutils": ["abort"],
    "crypto": ["crypto_netio_in", "crypto_netio_encrypt"],
    "tcpops": ["tcp_close_connection"],
}

# On a reply, what a real Kamailio 5.6.3 with app_mono gives; it crashes in the first one. The next three may begin or
# end a transaction.
FOR_REQUESTS = {
    "sca_handle_subscribe": -127, "t_newtran": -127, "t_relay_cancel": -127, "t_release": -127, "has_totag": -1,
    "loose_route": -1, "loose_route_preloaded": -1, "remove_record_route": 1, "append_rpid_hf": -1, "append_time": 1,
    "is_rpid_user_e164": -1, "set_body_multipart": -1, "t_branch_replied": -1, "t_lookup_request": 1,
    "t_next_contacts": -1, "t_save_lumps": 1,
}  # fmt: skip


@pytest.mark.parametrize("module", STARTED)
def test_no_function_of_a_module_ends_kamailio(module: str, tmp_path: Path) -> None:
    with Caller(module, tmp_path) as caller:
        for name in caller.names():
            for request in caller.requests:
                value = caller.call(name, request)

                assert value is not None, f"{module}: ModF({name!r}) on {request}:\n{caller.kamailio.log()[-3000:]}"


@pytest.mark.parametrize("module", NOT_STARTED)
def test_a_module_that_does_not_start_has_no_function_that_nobody_looked_at(module: str, tmp_path: Path) -> None:
    """Each name in ``unseen`` was read in the sources of 5.6.3 and 6.0.1: its C function ignores its parameters."""
    runs = would_run(module, tmp_path)

    assert runs is None or set(runs) <= set(STARTS[module].unseen), STARTS[module].cannot


def test_the_run_sees_a_call_that_ends_kamailio(tmp_path: Path) -> None:
    with Caller("cfgutils", tmp_path, method="unguarded") as caller:
        assert "abort" in caller.names()
        lives = caller.call("rand_event", "a request without a body")

        ends = caller.call("abort", "a request without a body")

    assert lives is not None
    assert ends is None


def test_a_script_gets_values_for_what_runs_and_a_line_for_what_does_not(place: Place, tmp_path: Path) -> None:
    script = built_for_app_mono(HERE / "scripts" / "CallsModF.cs", tmp_path / "scripts")
    modules = [module for module in CRASHERS if (MODULES / f"{module}.so").exists()]
    names = [name for module in modules for name in CRASHERS[module]] + ["has_totag", "is_request", "no_such"]
    call = f'python_exec("mono_run", "{" ".join(names)}")'
    cfg = ours(ROOT / "kamailio" / "app_mono.py", call, place.sink.port, place.port)
    first, line, rest = cfg.partition('loadmodule "app_python3.so"\n')
    cfg = first + "".join(f'loadmodule "{name}.so"\n' for name in modules if f'"{name}.so"' not in first) + line + rest

    with (
        RunningDaemon(
            tmp_path, f'load = "{script}"\nspare_workers = 0\nexec_timeout_s = 20.0\nallocate_timeout_s = 20.0'
        ) as daemon,
        running(cfg, tmp_path / "server", place.port, {"APP_MONO_CONFIG": str(daemon.config)}) as kamailio,
    ):
        came = [place.call(place.caller.request("MESSAGE", call_id=f"modf-{number}")) for number in range(3)]
        log = kamailio.log()
        lives = kamailio.is_alive

    values = dict(re.findall(r"ModF (\w+) (-?\d+)", log))
    assert lives, log[-3000:]
    assert len(came) == 3
    assert set(values) == set(names)
    assert values["has_totag"] == "-1"
    assert values["is_request"] == "1"
    refused = ["abort", "load_rr", "bind_htable", "tcp_close_connection", "send_udp", "no_such"]
    # In a package of its own, kamailio-tls-modules.
    refused += ["crypto_netio_in"] if "crypto" in modules else []
    for name in refused:
        assert values[name] == "-127"
        # The three requests were all served by one process.
        assert len(re.findall(rf"ERROR: .*ModF cannot run '{name}': \w", log)) == 1


def test_a_function_for_requests_runs_on_a_reply_only_where_that_is_safe(place: Place, tmp_path: Path) -> None:
    """sca_handle_subscribe ends Kamailio there, looking for the first line of a request."""
    cfg = ours(HERE / "plays_steps.py", f'python_exec("play", "{tmp_path}/{{route}}")', place.sink.port, place.port)
    sca = f'loadmodule "db_text.so"\nloadmodule "sca.so"\nmodparam("sca", "db_url", "{TABLES}")\n'
    steps = [("Core.ModF", name) for name in FOR_REQUESTS]
    text = "".join(f"{call} {word(name)}\n" for call, name in steps)
    for route in ("core_reply", "reply"):
        (tmp_path / route).write_text(text, "ascii")
    cfg = cfg.replace('loadmodule "app_python3.so"', f'{sca}loadmodule "app_python3.so"')

    with running(cfg, tmp_path, place.port) as kamailio:
        place.call(place.caller.request("INVITE"))
        lives = kamailio.is_alive
    answers = [(tmp_path / f"{route}.answers").read_text("ascii").splitlines() for route in ("core_reply", "reply")]

    assert lives, kamailio.log()[-2000:]
    assert [[read(answer) for answer in lines] for lines in answers] == [list(FOR_REQUESTS.values())] * 2


def test_names_that_a_script_makes_up_do_not_fill_the_log(tmp_path: Path) -> None:
    with Caller("pv", tmp_path) as caller:
        request = next(iter(REQUESTS))

        values = {caller.call(f"made_up_{number}", request) for number in range(150)}

        log = caller.kamailio.log()

    assert values == {-127}
    assert log.count("ModF cannot run") == 100  # the most that a process writes
