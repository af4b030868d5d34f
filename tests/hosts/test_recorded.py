from __future__ import annotations

from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from runner.worker.host_calls import call_id
from tests.places import MESSAGE


def test_calls_are_kept_in_order_with_what_they_gave() -> None:
    recorded = Recorded(MessageHost(MESSAGE.read_bytes()))

    recorded.log(1, "text")
    recorded.get_s("$rU")
    recorded.set_i("$ru", 1)
    recorded.modf("nonsense")

    assert recorded.calls == [
        ("Core.Log", [1, "text"], None),
        ("PV.GetS", ["$rU"], "bob"),
        ("PV.SetI", ["$ru", 1], -1),
        ("Core.ModF", ["nonsense"], -127),
    ]


def test_what_is_no_call_of_a_script_is_not_kept() -> None:
    host = MessageHost(MESSAGE.read_bytes())
    recorded = Recorded(host)

    assert recorded.depends_on("PV.GetS", "$ru") == host.depends_on("PV.GetS", "$ru")
    assert recorded.expand("$rU") == "bob"
    assert recorded.calls == []


def test_the_runner_s_own_look_at_the_call_id_is_no_call_of_the_script() -> None:
    recorded = Recorded(MessageHost(MESSAGE.read_bytes()))

    assert call_id(recorded) == recorded.unrecorded.get_s("$ci")
    assert recorded.calls == []
