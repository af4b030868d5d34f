"""What a function of KEMI is for the embedded host."""

from __future__ import annotations

from runner.hosts.embedded.ksr_function import Function


def test_a_function_is_known_to_both_versions_unless_said_otherwise() -> None:
    assert not Function("s", len).since_6
