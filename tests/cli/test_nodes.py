"""runner.cli.nodes: the options of the commands of a cluster."""

from __future__ import annotations

from tests.cli.commands import app_mono


def test_their_help_names_what_they_take() -> None:
    for command, words in (("node", ("--nats", "--name", "--config")), ("nodes", ("--json",)), ("cluster-config", ())):
        said = app_mono(command, "--help")

        assert said.returncode == 0
        assert all(word in said.stdout for word in words)
