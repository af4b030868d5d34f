from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble

if TYPE_CHECKING:
    from pathlib import Path


def test_a_real_kamailio_answers(tmp_path: Path) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + 'request_route { sl_send_reply("200", "OK"); exit; }\n'

    with Kamailio(cfg, tmp_path, port) as kamailio, Peer(port) as peer:
        answer = peer.ask(peer.request())

        assert answer is not None
        assert answer.startswith(b"SIP/2.0 200 OK")
        assert kamailio.check().startswith("accepted")
        assert kamailio.is_alive


def test_a_configuration_it_refuses_is_told(tmp_path: Path) -> None:
    kamailio = Kamailio("request_route { nonsense(; }\n", tmp_path, free_udp_port())

    assert kamailio.check().startswith("refused")
