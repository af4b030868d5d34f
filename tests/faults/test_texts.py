"""Texts that no call can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.wire.session import MAX_LINE_BYTES
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost
    from runner.runner import Runner


def test_a_text_of_100_mib_gives_the_error_value_and_is_cut_in_the_log(runner: Runner, host: MessageHost) -> None:
    before = runner.snapshot().pids

    result = run(runner, "SetsALongText", host, "100")

    assert result.ok, result
    assert host.get_s("$var(got)") == "-1 -1 0"
    ((_, logged),) = host.logs
    assert 0 < len(logged) < MAX_LINE_BYTES
    assert works_on(runner)
    assert runner.snapshot().pids == before


def test_a_text_ends_at_a_nul_as_in_c(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "SetsANul", host).ok

    assert host.get_s("$var(nul)") == "before"
    assert host.get_s("$var(got)") == "0 -1 null 0"
    assert works_on(runner)
