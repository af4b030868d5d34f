"""
Odd arguments for every call of a script, in a real Kamailio that forwards and answers afterwards: it has to live.

Much of this ends or hangs a Kamailio 5.6.3 or 6.0.1 when nothing guards it; where an answer is given, it is what the
script gets instead, or what it still has to get.
"""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.installed import version
from tests.kamailio.guarded import APPLY, GUARDED, TYPES, Case
from tests.kamailio.rig import KAMAILIO, Kamailio, Peer, free_udp_port, has_module
from tests.kamailio.routes import HERE, ours, running
from tests.kamailio.test_kamailio_host import Step, read, word
from tests.programs import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PLAYER = HERE / "plays_steps.py"


class Server:
    """A Kamailio and what its routing script sends."""

    def __init__(self, directory: Path) -> None:
        port = free_udp_port()
        self._caller, self._sink = Peer(port), Peer(port)
        self._steps = directory / "request"
        cfg = ours(PLAYER, f'python_exec("play", "{directory}/{{route}}")', self._sink.port, port)
        more = [f'loadmodule "{name}.so"\n' for name in ("tcpops", "smsops", "htable")]
        more.append('modparam("htable", "htable", "t=>size=2;")\n')
        # Kamailio 6 takes messages of 32767 bytes at most, unless it is told otherwise.
        longest = "msg_recv_max_size=65000\n" if version() == "6.0" else ""
        cfg = cfg.replace("#!KAMAILIO\n", f"#!KAMAILIO\n#!define EMPTY\n{longest}")
        cfg = cfg.replace('loadmodule "pv.so"\n', "".join(['loadmodule "pv.so"\n', *more]))
        self.kamailio: Kamailio = running(cfg, directory, port)
        self._number = 0

    def close(self) -> None:
        self._caller.close()
        self._sink.close()

    def play(self, case: Case) -> list[object]:
        """The answers of one case, after the server has gone on to another request."""
        self._number += 1
        answers = self._steps.with_name("request.answers")
        answers.unlink(missing_ok=True)
        lines = [" ".join([str(step[0]), *map(word, step[1:])]) for step in case.steps]
        self._steps.write_text("".join(f"{line}\n" for line in lines), "ascii")
        request = self._caller.request(case.method, headers=case.headers, call_id=f"odd-{self._number}")
        self._caller.send(request.replace(b"LATIN", b"caf\xe9") + case.body.encode())
        until(lambda: answers.exists() or not self.kamailio.is_alive, "the calls are made")
        self._steps.unlink()
        # The one child takes one request after the other, so an answer to this one comes after all that went before.
        self._caller.send(self._caller.request(call_id=f"after-{self._number}"))
        after = f"after-{self._number}\r\n".encode()
        came = self._caller.receive()
        while came is not None and after not in came:
            came = self._caller.receive()
        assert self.kamailio.is_alive, f"Kamailio ended:\n{self.kamailio.log()[-3000:]}"
        assert came is not None, f"Kamailio hangs:\n{self.kamailio.log()[-3000:]}"
        return [read(line) for line in answers.read_text("ascii").splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("odd"))
    with server.kamailio:
        yield server
    server.close()


# fmt: off
TEXTS = (
    "", " ", "\0", "a\0b", "$", "$$", "$(", "$)", "$()", "${", "%", "%s%n%x", "\r\n", "\n", ":", "\r\n\r\n",
    "a" * 100_000, "\udce9", "\udcff" * 9000, "\ud800", "é" * 5000, "$ru{", "$(ru{", "$(ru{s.len", "$(ru{s.len}",
    "$(ru{}})", "$(ru[-1])", "$(ru[99999999999])", "$(hdr(X)[-99])", "$hdr(", "$hdr()", "$var()", "$var(", "$avp(",
    "$avp(i:", "$avp(s:99999999999)", "$xavp(a[0]=>b)", "$xavp(a[-1]=>b)", "$xavp(=>)", "$sht(a=>b)", "$sel(a)",
    "$sel(@",
    "$(ru{s.substr,-1,-1})", "$(ru{s.substr,99999,99999})", "$(ru{s.select,-99999,:})", "$(ru{re.subst,/(/x/})",
    "$(ru{line.at,-9})", "$T_req($ru)", "$(T_rpl($ru){s.len})", "$_s($_s($ru))", "$cfg(x)", "$(msgbuf(99999))",
    "$msgbuf(-1)", "$branch(uri)", "$(branch(uri)[-1])", "$rb", "$ct", "$conid", "$(conid)", "$(conid{s.len})", "$ctu",
    "$cts", "$(ctu{s.len})", "$tcp(conid)", "$tcp(c_si)", "$smsbody", "$natsData", "$mqtt(msg)", "$var($(conid))",
    "$avp($conid)",
    "$(var(x){s.select,0,$conid})", "<null>", "sip:", "sip:@", ";", "=", ",",
)
NAMES = (
    "$var(odd)", "$avp(odd)", "$ru", "$rU", "$rd", "$rp", "$du", "$fu", "$fU", "$fn", "$tu", "$tn", "$fs", "$br", "$mf",
    "$sf", "$bf", "$rP", "$xavp(odd)", "$xavp(odd=>a)", "$vn(odd)", "$shv(odd)", "$hdr(odd)", "$branch(uri)", "$cT",
    "$sbranch(uri)", "$msgbuf(0)", "$rz", "$uac_req(method)",
)
NUMBERS = (0, -1, 2147483647, -2147483648)
ODD: dict[str, Case] = {
    **{call: Case([(call, text) for text in TEXTS])
       for call in ("PV.GetS", "PV.GetI", "PV.IsNull", "PV.Unset", "Core.ModF")},
    **{f"{call} of {text[:20]!a}, {len(text)} long": Case([(call, text), APPLY, (call, text)])
       for call in ("HDR.Append", "HDR.Insert", "HDR.Remove", "HDR.AppendToReply") for text in TEXTS},
    **{f"PV.SetS of {name}": Case([("PV.SetS", name, text) for text in TEXTS]) for name in NAMES},
    **{f"PV.SetI of {name}": Case([("PV.SetI", name, number) for number in NUMBERS]) for name in NAMES},
    "PV.SetS of odd names": Case([("PV.SetS", text, "1") for text in TEXTS]),
    "PV.SetI of odd names": Case([("PV.SetI", text, 1) for text in TEXTS]),
    "Core.Log": Case([("Core.Log", level, text[:9000]) for text in TEXTS for level in (-9, -1, 3)]),
}
# fmt: on


@pytest.mark.parametrize("name", ODD)
def test_kamailio_lives_through_odd_arguments(server: Server, name: str) -> None:
    steps = ODD[name].steps

    answers = server.play(ODD[name])

    assert len(answers) == len(steps)


@pytest.mark.parametrize("name", GUARDED)
def test_what_would_end_kamailio_gives_an_error_value_instead(server: Server, name: str) -> None:
    expected = GUARDED[name].answers

    answers = server.play(GUARDED[name])

    assert {number: answers[number] for number in expected} == expected


def test_a_number_keeps_the_text_that_kamailio_has_for_it(server: Server) -> None:
    """It was the digits of the number once; in both versions of Kamailio."""
    texts = {"$cl": ("000", 0), "$(hdr(X-Z){s.int})": ("0007", 7), "$(ru{uri.port})": ("", 0)}
    steps: list[Step] = [(call, name) for name in texts for call in ("PV.GetS", "PV.GetI")]

    answers = server.play(Case(steps, headers="Content-Length: 000\r\nX-Z: 0007\r\n"))

    assert answers == [value for values in texts.values() for value in values]


def test_a_counter_counts_once_for_each_question(server: Server) -> None:
    names = ["$shtinc(t=>n)", "$shtinc(t=>n)", *["$shtdec(t=>n)"] * 4, "$sht(t=>n)"]

    answers = server.play(Case([("PV.SetI", "$sht(t=>n)", 0), *[("PV.GetS", name) for name in names]]))

    assert answers == [0, "1", "2", "1", "0", "-1", "-2", "-2"]


@pytest.mark.skipif(
    has_module("app_mono"), reason="Kamailio 5.6 has no numbers of 64 bits, Kamailio 6 has: make test-debian13"
)
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2147483648", -2147483648),
        ("3000000000", -1294967296),
        ("4294967295", -1),
        ("4294967303", 7),
        ("-3000000000", 1294967296),
        ("0004294967303", 7),
        ("9223372036854775807", -1),
    ],
)
def test_get_s_gives_a_long_number_whole_and_get_i_its_lower_32_bits(server: Server, text: str, number: int) -> None:
    steps: list[Step] = [("PV.SetS", "$var(n)", text)]
    steps += [(call, "$(var(n){s.int})") for call in ("PV.GetS", "PV.GetI", "PV.IsNull")]

    answers = server.play(Case(steps))

    assert answers == [0, text, number, 0]


def test_numbers_of_more_than_31_bits_are_read_as_this_kamailio_has_them(server: Server) -> None:
    """Kamailio 5.6 has no such numbers, 6.0 gave the lower half of them."""
    steps: list[Step] = [("PV.SetS", "$var(n)", "3000000000")]
    steps += [(call, "$(var(n){s.int})") for call in ("PV.GetS", "PV.GetI")]
    steps += [("PV.SetI", "$var(n)", -2147483648), ("PV.GetS", "$var(n)"), ("PV.GetI", "$var(n)")]
    version = subprocess.run([str(KAMAILIO), "-v"], capture_output=True, text=True, check=True).stdout

    answers = server.play(Case(steps))

    assert answers[1:3] == ([None, 0] if "version: kamailio 5." in version else ["3000000000", -1294967296])
    assert answers[4:] == ["-2147483648", -2147483648]


LONG = "a" * 60000
# fmt: off
FILLERS: dict[str, Callable[[int], Step]] = {
    "names of script variables": lambda n: ("PV.GetS", f"$var(n{n})"),
    "names of headers": lambda n: ("PV.IsNull", f"$hdr(X-{n})"),
    "names of lists": lambda n: ("PV.SetS", f"$xavp(x{n}=>a)", "1"),
    "transformations": lambda n: ("PV.GetI", f"$(ru{{s.substr,{n},2}}{{s.len}}{{s.tolower}}{{s.md5}}{{s.sha1}})"),
    "transformations that are guarded": lambda n: ("PV.GetS", f"$(ru{{s.rm,{n}}})"),
    "values of script variables": lambda n: ("PV.SetS", f"$var(v{n % 300})", LONG),
    "values of a message's variables": lambda n: ("PV.SetS", f"$avp(a{n % 300})", LONG),
    "headers": lambda n: ("HDR.Append", f"X-{n}: {LONG}\r\n"),
    "headers in the middle": lambda n: ("HDR.Insert", f"X-{n}: {LONG}\r\n"),
    "headers of a reply": lambda n: ("HDR.AppendToReply", f"X-{n}: {LONG}\r\n"),
}
# fmt: on


@pytest.mark.parametrize("what", FILLERS)
def test_a_script_cannot_fill_the_memory_of_a_process(what: str, tmp_path: Path) -> None:
    """Without bounds the process answers nothing any more, or nothing while the script runs."""
    server = Server(tmp_path)
    count = 800 if len(str(FILLERS[what](0)[-1])) > len(LONG) // 2 else 20_000
    known: Step = ("PV.GetS", "$(ru{s.len})")

    with server.kamailio:
        first = server.play(Case([known]))
        filled = server.play(Case([FILLERS[what](number) for number in range(count)]))
        after = server.play(Case([known, ("PV.SetS", "$rU", "new"), ("HDR.Append", "X-A: 1\r\n")]))
    server.close()

    assert len(filled) == count
    assert after == [*first, 0, 0]
    assert "app_mono: " in server.kamailio.log(), "what is refused is said"


HEADERS = (
    "X-A: 1\r\n", " leading: x\r\n", "no colon\r\n", "X-B: no end", "", "\r\n", "\r\n\r\n", "Via: broken\r\n",
    "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n", "From: <sip:x@y>;tag=1\r\n", "CSeq: abc\r\n", 'To: "\r\n',
    "Call-ID:\r\n", "Content-Length: -1\r\n", "Content-Length: 99999\r\n", f"X: {'b' * 60000}\r\n",
    "X-L: caf\udce9\r\n", "Contact: <\r\n", "SIP/2.0 200 OK\r\n",
)  # fmt: skip
REMOVED = ("Via", "v", "From", "To", "i", "CSeq", "Contact", "Max-Forwards", "Content-Length", "X-None")
FUNCTIONS = (
    "msg_apply_changes", "record_route", "remove_body", "t_newtran", "sl_reply_error", "append_branch",
    "set_body_multipart",
)  # fmt: skip
METHODS = ("OPTIONS", "BYE", "INVITE")
RANDOM_CASES = 400


def test_kamailio_lives_through_edits_in_any_order(server: Server) -> None:
    """Without the guard of msg_apply_changes it ends within a few hundred of them."""
    dice = random.Random(13)  # noqa: S311  # the same cases each time

    def step() -> Step:
        return dice.choice(
            [
                (f"HDR.{dice.choice(('Insert', 'Append', 'AppendToReply'))}", dice.choice(HEADERS)),
                ("HDR.Remove", dice.choice(REMOVED)),
                ("Core.ModF", dice.choice(FUNCTIONS)),
                APPLY,
                ("PV.SetS", dice.choice(("$rU", "$ru", "$du", "$fu", "$tn")), dice.choice(("", "x", "sip:a@b", ";"))),
            ]
        )

    for _ in range(RANDOM_CASES):
        method, headers, body = (dice.choice(texts) for texts in (METHODS, TYPES, ("", "x")))
        case = Case([step() for _ in range(dice.randint(2, 6))], method=method, headers=headers, body=body)

        answers = server.play(case)

        assert len(answers) == len(case.steps)
