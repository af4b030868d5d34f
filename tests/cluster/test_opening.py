"""runner.cluster.opening: which servers, as whom, and whether they are the right ones."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.cluster import connection, opening
from runner.cluster.connection import Connection
from runner.errors import ConfigError
from runner.settings import Settings
from tests.cluster.servers import Servers, connected
from tests.ports import free_tcp_port
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENSSL = shutil.which("openssl") or "openssl"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers")) as started:
        yield started


def test_a_wrong_password_is_refused_in_one_line_without_the_password(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (opening, connection):
        monkeypatch.setattr(module, "CONNECT_S", WAIT_S)  # whom no server has answered in time is not refused
    settings = Settings(nats=servers.urls("sip", "guessed"))

    with pytest.raises(ConfigError, match="refuses user 'sip'") as refused, Connection(settings, "test"):
        pass

    assert "guessed" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate", "utf-8")
    settings = Settings(nats=[f"tls://sip:x@127.0.0.1:{free_tcp_port()}"], nats_ca=wrong)

    with pytest.raises(ConfigError, match=r"nats_ca .*expected a file of certificates"), Connection(settings, "test"):
        pass


def test_over_tls_a_server_has_to_show_a_certificate_that_is_trusted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate, other = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "other.pem"
    for out in (other, certificate):  # the key of the last one stays
        subprocess.run(
            [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             str(key), "-out", str(out), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
    with Servers(tmp_path, tls=(certificate, key)) as servers:
        with connected(servers.urls("sip"), ca=certificate):
            pass
        with Connection(Settings(nats=servers.urls("sip"), nats_ca=other), "test") as refused:
            until(lambda: "certificate verify failed" in caplog.text, "its certificate is refused, and the log says so")
            assert not refused.is_connected
