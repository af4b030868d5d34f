"""
A SIP listener without Kamailio: each request through a script, then a stateless reply or forward (RFC 3261, 16.11).

UDP alone, no transactions, no DNS: it is for writing and trying scripts against real SIP. Must not read options.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
import queue
import re
import socket
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from .errors import ConfigError, ScriptError
from .hosts.message import MessageHost
from .hosts.nameaddr import parse_to_body
from .hosts.outgoing import with_hop_counted
from .hosts.pv.context import Address, Environment, Process, Socket, bracketed
from .hosts.sip import SipParseError, parse
from .hosts.totag import stateless_tag
from .hosts.uri import parse_uri
from .hosts.via import first_via

if TYPE_CHECKING:
    from collections.abc import Callable

    from .hosts.sip import SipMessage
    from .runner import ExecResult

log = logging.getLogger("runner.listener")

SIP_PORT = 5060
LARGEST_DATAGRAM = 65535
LOOK_S = 0.2  # how soon a signal is seen
SHORTEST_MESSAGE = 8  # keep-alives are shorter (RFC 5626, 3.5.1)
MAGIC_COOKIE = b"z9hG4bK"
ADDRESS = re.compile(r"udp:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::(?P<port>\d{1,5}))?")
FIRST_FINAL, LAST_FINAL = 200, 699


@dataclass(frozen=True, slots=True)
class Action:
    """
    What happens to a request when its script has said true, or false.

    Attributes:
        kind: ``forward`` sends it on, to ``$du`` if set, else to the R-URI; ``reply`` answers; ``drop`` says nothing.
        code: Of the reply; pseudo-variables are put in.
        reason: Likewise.
    """

    kind: str
    code: str = ""
    reason: str = ""

    @classmethod
    def of(cls, text: str) -> Action:
        """
        Read ``forward``, ``drop`` or ``reply:CODE:REASON``.

        Raises:
            ConfigError: It is none of them.
        """
        kind, _, rest = text.partition(":")
        code, _, reason = rest.partition(":")
        if kind in {"forward", "drop"} and not rest:
            return cls(kind)
        is_fixed = "$" not in code
        if kind == "reply" and code and reason and not (is_fixed and not _is_final(code)):
            return cls(kind, code, reason)
        raise ConfigError(
            f'expected "forward", "drop" or "reply:CODE:REASON" with a code from {FIRST_FINAL} to {LAST_FINAL}, '
            f"but {text!r} came"
        )


@dataclass(slots=True)
class Counts:
    """What came in and what became of it."""

    requests: int = 0
    replies: int = 0
    malformed: int = 0
    answered: int = 0
    forwarded: int = 0
    dropped: int = 0
    failed_scripts: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in asdict(self).items())


def address_of(text: str) -> Address:
    """
    Read ``udp:IP[:PORT]``; IPv6 in brackets.

    Raises:
        ConfigError: It is something else, or an address that stands for all of a machine's.
    """
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise ConfigError(f"--sip {text}: expected udp:IP:PORT, for one udp:127.0.0.1:5060")
    port = int(found["port"] or SIP_PORT)
    try:
        ip = ipaddress.ip_address(found["ip"].strip("[]"))
    except ValueError as error:
        raise ConfigError(f"--sip {text}: {error}") from error
    if ip.is_unspecified:
        raise ConfigError(f"--sip {text}: expected one address of this machine, it goes into Via headers")
    if not 0 < port < 1 << 16:
        raise ConfigError(f"--sip {text}: expected a port from 1 to 65535")
    return Address(str(ip), port)


class Listener:
    """
    One UDP socket, and threads that take its datagrams in turn. A context manager.

    Args:
        address: Where it listens.
        run: Runs the script on one message; called from ``threads`` threads.
        on_true: What a true script means.
        on_false: What a false script means; one that could not be run to its end is false.
        tell: Gets what scripts log, level and text; called from those threads.
        threads: Datagrams worked on at one time.

    Attributes:
        counts: What has happened so far.

    Raises:
        ConfigError: On entering: the address cannot be had.
    """

    def __init__(
        self,
        address: Address,
        run: Callable[[MessageHost], ExecResult],
        *,
        on_true: Action,
        on_false: Action,
        tell: Callable[[int, str], None],
        threads: int = 1,
    ) -> None:
        self.address = address
        self.counts = Counts()
        self._run = run
        self._actions = {True: on_true, False: on_false}
        self._tell = tell
        self._threads = threads
        # As many may wait as are worked on, twice over: what is older than that, its sender has sent again by then.
        self._waiting: queue.Queue[tuple[bytes, Address] | None] = queue.Queue(2 * threads + 64)
        self._local = Socket(address)
        self._environment = Environment((self._local,))
        self._shared = Process()
        self._counting = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.address.ip else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._sock.bind((self.address.ip, self.address.port))
        except OSError as error:
            self._sock.close()
            raise ConfigError(f"--sip {self._local.text}: {error.strerror}") from error
        self._sock.settimeout(LOOK_S)
        self._workers = [
            threading.Thread(target=self._work, name=f"sip {n}", daemon=True) for n in range(self._threads)
        ]
        for thread in self._workers:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for _thread in self._workers:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=LOOK_S)
        for thread in self._workers:
            thread.join(LOOK_S)
        self._sock.close()

    def serve(self) -> None:
        """Take datagrams until ``end``."""
        while not self._ended.is_set():
            try:
                data, source = self._sock.recvfrom(LARGEST_DATAGRAM)
            except TimeoutError:
                continue
            except OSError as error:  # for one an ICMP answer to a datagram sent earlier
                log.info("%s: %s", self._local.text, error.strerror)
                continue
            try:
                self._waiting.put_nowait((data, Address(source[0], source[1])))
            except queue.Full:
                self._count("dropped")

    def end(self) -> None:
        """Let ``serve`` return; also from a signal handler."""
        self._ended.set()

    def _work(self) -> None:
        # As a process of Kamailio has them: $var of its own, $shv and hash tables shared.
        process = Process(shared_variables=self._shared.shared_variables, hash_tables=self._shared.hash_tables)
        while (item := self._waiting.get()) is not None and not self._ended.is_set():
            try:
                self._take(*item, process)
            except Exception:  # one message must not end the service of all others
                log.exception("a message from %s: internal error", item[1].ip)

    def _take(self, data: bytes, source: Address, process: Process) -> None:
        if len(data) < SHORTEST_MESSAGE or not data.strip():
            return
        try:
            message = parse(data)
        except SipParseError as error:
            self._count("malformed")
            log.warning("from %s:%d, no SIP message: %s", bracketed(source.ip), source.port, error)
            return
        host = MessageHost(
            message, source=source, received_on=self._local, environment=self._environment, process=process
        )
        if message.first_line.is_request:
            self._count("requests")
            self._request(host, source)
        else:
            self._count("replies")
            self._relay_reply(host)

    def _request(self, host: MessageHost, source: Address) -> None:
        if first_via(host.context.message) is None:
            self._count("malformed")
            log.warning("from %s:%d: a request without a Via that can be read", bracketed(source.ip), source.port)
            return
        if self._is_our_ack(host):
            return
        result = self._run(host)
        for level, text in host.logs:
            self._tell(level, text)
        if result.error is not None:
            self._count("failed_scripts")
            detail = result.error.detail if isinstance(result.error, ScriptError) else ""
            log.error("%s", f"{result.error}\n{detail}".rstrip())
        if host.replies:
            self._answer(host, host.replies[-1])
            return
        action = self._actions[result.ok]
        if action.kind == "forward":
            self._forward(host)
        elif action.kind == "reply":
            self._reply(host, action.code, action.reason)
        else:
            self._count("dropped")

    def _is_our_ack(self, host: MessageHost) -> bool:
        """The ACK of a reply of ours ends here, as in Kamailio (modules/sl, sl_filter_ACK): its To has our tag."""
        if host.context.message.first_line.method != b"ACK":
            return False
        to, own = host.context.header(b"to"), stateless_tag(host.context)
        party = None if to is None else parse_to_body(to.body)
        tag = None if party is None else party.tag
        return bool(tag and own) and (tag or b"").partition(b".")[0] == (own or b"").partition(b".")[0]

    def _reply(self, host: MessageHost, code: str, reason: str) -> None:
        try:
            code, reason = host.expand(code), host.expand(reason)
        except ConfigError as error:
            log.error("%s", error)  # noqa: TRY400  # told in full
            code = ""
        if not _is_final(code) or set("\r\n") & set(reason):
            log.error("expected a code from %d to %d and a reason, got %r %r", FIRST_FINAL, LAST_FINAL, code, reason)
            code, reason = "500", "Server Internal Error"
        self._answer(host, host.reply(int(code), reason))

    def _answer(self, host: MessageHost, reply: bytes | None) -> None:
        """RFC 3261, 18.2.2 and RFC 3581: to where it came from, at the port that Via names unless it has rport."""
        via = first_via(host.context.message)
        if reply is None or via is None:
            self._count("dropped")  # an ACK is not answered
            return
        source = host.context.source
        has_rport = via.param(b"rport") is not None
        port = source.port if has_rport else int(via.port or SIP_PORT)
        self._send(reply, Address(source.ip, port), "answered")

    def _forward(self, host: MessageHost) -> None:
        context = host.context
        wanted = context.dst_uri or context.request_uri
        uri = parse_uri(wanted)
        ip = _ip_of(b"" if uri is None else uri.host)
        if uri is None or ip is None:
            log.warning("cannot forward to %s: expected a SIP URI with an IP address", wanted.decode("latin-1"))
            self._reply(host, "478", "Unresolvable destination (478/SL)")
            return
        target = Address(ip, uri.port_number or SIP_PORT)
        if (target.ip, target.port) == (self.address.ip, self.address.port):
            # Without $du a request for ourselves would come back until its Max-Forwards is used up.
            self._reply(host, "404", "Not Found")
            return
        sent = host.forwarded(_branch(context.message))
        counted = None if sent is None else with_hop_counted(sent)
        if sent is None:
            self._reply(host, "400", "Bad Request")
        elif counted is None:
            self._reply(host, "483", "Too Many Hops")
        else:
            self._send(counted, target, "forwarded")

    def _relay_reply(self, host: MessageHost) -> None:
        """A reply to what was forwarded: without our Via, to where the next one says (RFC 3261, 18.2.2)."""
        via = first_via(host.context.message)
        rest = host.forwarded()
        if via is None or rest is None or _sent_by(via.host, via.port) != (self.address.ip, self.address.port):
            self._count("dropped")
            return
        after = first_via(parse(rest))
        if after is None:
            self._count("dropped")
            return
        received, rport = after.param(b"received"), after.param(b"rport")
        ip = _ip_of((received.value if received is not None else None) or after.host)
        port = (rport.value if rport is not None else None) or after.port or b"%d" % SIP_PORT
        if ip is None or not port.isdigit():
            self._count("dropped")
            return
        self._send(rest, Address(ip, int(port)), "forwarded")

    def _send(self, data: bytes, target: Address, what: str) -> None:
        try:
            self._sock.sendto(data, (target.ip, target.port))
        except OSError as error:
            log.warning("cannot send to %s:%d: %s", bracketed(target.ip), target.port, error)
            what = "dropped"
        self._count(what)

    def _count(self, what: str) -> None:
        with self._counting:
            setattr(self.counts, what, getattr(self.counts, what) + 1)


def _is_final(code: str) -> bool:
    return code.isascii() and code.isdigit() and FIRST_FINAL <= int(code) <= LAST_FINAL


def _ip_of(host: bytes) -> str | None:
    """The host of a URI or Via as an IP address, without brackets; None for a name."""
    try:
        return str(ipaddress.ip_address(host.decode("ascii").strip("[]")))
    except ValueError:
        return None


def _sent_by(host: bytes, port: bytes) -> tuple[str | None, int]:
    return _ip_of(host), int(port or SIP_PORT) if (port or b"0").isdigit() else 0


def _branch(message: SipMessage) -> str:
    """The same for every retransmission and for a CANCEL, as without state it has to be (RFC 3261, 16.11)."""
    via = first_via(message)
    branch = None if via is None else via.param(b"branch")
    if branch is not None and branch.value and branch.value.startswith(MAGIC_COOKIE):
        parts = [branch.value, b"" if via is None else via.text.partition(b";")[0]]
    else:
        parts = [message.first_line.uri, b"" if via is None else via.text]
        for key in (b"to", b"from", b"call-id", b"cseq"):
            header = message.header(key)
            body = b"" if header is None else header.body
            parts.append(body.split()[0] if key == b"cseq" and body.split() else body)
    digest = hashlib.md5(b"\0".join(parts), usedforsecurity=False).hexdigest()
    return f"{MAGIC_COOKIE.decode()}{digest}"
