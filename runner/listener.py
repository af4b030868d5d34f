"""
A SIP listener without Kamailio: each request through a script, then a stateless reply or forward (RFC 3261, 16.11).

UDP only, no transactions, no DNS: for writing and trying scripts with real SIP. It sends at most one datagram for each
that it gets, and never one to itself. Must not read options.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import queue
import re
import socket
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self

from runner.hosts.embedded.context import Address, Environment, Process, Socket, bracketed
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.outgoing import with_hop_counted
from runner.hosts.embedded.stateless import (
    LARGEST_DATAGRAM,
    MAX_VIA_PARAMS,
    SIP_PORT,
    Branches,
    ip_of,
    is_short,
    port_of,
    why_not_to,
    without_excess,
)
from runner.hosts.embedded.to_tag import stateless_tag
from runner.sip.message import SipParseError, parse
from runner.sip.uri import parse_uri
from runner.sip.via import first_via, vias

from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.sip.message import SipMessage

    from .runner import ExecResult

log = logging.getLogger("runner.listener")

MAX_VARIABLES = 10_000  # in each of Process.kept; a script that derives names from what callers send never stops
LOOK_S = 0.2  # how long a signal waits at most
JOIN_S = 1.0  # how long the end waits for each thread, which counts what it answers only then
SHORTEST_MESSAGE = 8  # keep-alives are shorter (RFC 5626, 3.5.1)
ADDRESS = re.compile(r"udp:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::(?P<port>\d{1,5}))?")
FIRST_FINAL, LAST_FINAL = 200, 699
UNRESOLVABLE = "478", "Unresolvable destination (478/SL)"  # core/error.c, err2reason_phrase, E_BAD_ADDRESS
SEND_FAILED = "477", "Unfortunately error on sending to next hop occurred (477/SL)"  # E_SEND


@dataclass(frozen=True, slots=True)
class Action:
    """
    What happens to a request when its script has said true, or false.

    Attributes:
        kind: ``forward`` sends it on, to ``$du`` if set, else to the R-URI; ``reply`` answers; ``drop`` does neither.
        code: Of the reply; pseudo-variables are filled in.
        reason: The same.
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
            f"got {text!r}"
        )


@dataclass(slots=True)
class Counts:
    """What came in, and what was done with it."""

    requests: int = 0
    replies: int = 0
    malformed: int = 0
    answered: int = 0
    forwarded: int = 0
    dropped: int = 0
    foreign_replies: int = 0
    failed_scripts: int = 0
    failed_replies: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in asdict(self).items())


def address_of(text: str) -> Address:
    """
    Read ``udp:IP[:PORT]``; IPv6 in brackets.

    Raises:
        ConfigError: It is something else, or an address that stands for all addresses of a machine.
    """
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise ConfigError(f"--sip {text}: expected udp:IP:PORT, for example udp:127.0.0.1:5060")
    port = int(found["port"] or SIP_PORT)
    try:
        ip = ipaddress.ip_address(found["ip"].strip("[]"))
    except ValueError as error:
        raise ConfigError(f"--sip {text}: {error}") from error
    if ip.is_unspecified:
        raise ConfigError(f"--sip {text}: expected one address of this machine, because it goes into Via headers")
    if not 0 < port < 1 << 16:
        raise ConfigError(f"--sip {text}: expected a port from 1 to 65535")
    return Address(str(ip), port)


class Listener:
    """
    One UDP socket, and threads that share its datagrams. A context manager.

    Args:
        address: Where it listens.
        run: Runs the script on one message; called from ``threads`` threads.
        on_true: What a true script means.
        on_false: What a false script means; one that did not come to its end counts as false.
        tell: Called with level and text of what scripts log, from those threads.
        threads: How many datagrams are worked on at one time.
        environment: What Kamailio's configuration would say, but for the socket; None for its defaults.

    Attributes:
        counts: What has happened so far.

    Raises:
        ConfigError: On entering: the address is not available.
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
        environment: Environment | None = None,
    ) -> None:
        self.address = address
        self.counts = Counts()
        self._run, self._tell = run, tell
        self._actions = {True: on_true, False: on_false}
        self._threads = threads
        # A short queue: a datagram that waits longer has been sent again by then (RFC 3261, 17.1.1.2).
        self._waiting: queue.Queue[tuple[bytes, Address] | None] = queue.Queue(2 * threads + 64)
        self._branches = Branches(address)
        self._local = Socket(address)
        self._environment = replace(environment or Environment(), sockets=(self._local,))
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
        self._workers = [threading.Thread(target=self._work, name="sip", daemon=True) for _ in range(self._threads)]
        for thread in self._workers:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for _thread in self._workers:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=LOOK_S)
        for thread in self._workers:
            thread.join(JOIN_S)
        self._sock.close()

    def serve(self) -> None:
        """Take datagrams until ``end``."""
        while not self._ended.is_set():
            try:
                data, source = self._sock.recvfrom(LARGEST_DATAGRAM)
            except TimeoutError:
                continue
            except OSError as error:  # for example an ICMP error for a datagram sent earlier
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
        # As in a process of Kamailio: a $var of its own, $shv and hash tables shared.
        process = Process(shared_variables=self._shared.shared_variables, hash_tables=self._shared.hash_tables)
        while (item := self._waiting.get()) is not None and not self._ended.is_set():
            try:
                self._take(*item, process)
            except Exception:  # one message must not end the service for all others
                log.exception("a message from %s: internal error", item[1].ip)
            for variables in process.kept:
                if len(variables) > MAX_VARIABLES:
                    log.warning("%d variables are cleared: their names seem to come from messages", len(variables))
                    variables.clear()

    def _take(self, data: bytes, source: Address, process: Process) -> None:
        if len(data) < SHORTEST_MESSAGE or not data.strip():
            return
        try:
            message = without_excess(parse(data, is_6=self._environment.is_6))
        except SipParseError as error:
            self._malformed(source, f"no SIP message: {error}")
            return
        if message.dropped is not None:  # as in Kamailio: nobody hears of it
            self._count("malformed")
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

    def _malformed(self, source: Address, why: str) -> None:
        self._count("malformed")
        log.warning("from %s:%d, %s", bracketed(source.ip), source.port, why)

    def _request(self, host: MessageHost, source: Address) -> None:
        received = host.context.message
        path = vias(received)
        if not path or port_of(path[0].port) is None or sum(len(via.params) for via in path) > MAX_VIA_PARAMS:
            # As in Kamailio (core/parser/parse_via.c): nothing says where a reply would go.
            self._malformed(source, "a request without a readable Via")
            return
        if self._is_our_ack(host):
            return
        if (refused := self._branches.why_refused(received, path)) is not None:
            self._reply(host, *refused)
            return
        result = self._run(host)
        for level, text in host.logs:
            self._tell(level, text)
        if result.error is not None:
            self._count("failed_scripts")
            log.error("%s", result.error.full())
        if host.replies:
            self._answer(host, host.replies[-1])
            return
        action = self._actions[result.ok]
        if action.kind == "forward" and not host.is_dropped:
            self._forward(host, received)
        elif action.kind == "reply" and not host.is_dropped:
            self._reply(host, action.code, action.reason)
        else:
            self._count("dropped")

    def _is_our_ack(self, host: MessageHost) -> bool:
        """Whether this is the ACK for a reply of ours, by the tag in its To (modules/sl, sl_filter_ACK)."""
        if host.context.message.first_line.method != b"ACK":
            return False
        party, own = host.context.party(b"to"), stateless_tag(host.context)
        tag = None if party is None else party.tag
        return bool(tag and own) and (tag or b"").partition(b".")[0] == (own or b"").partition(b".")[0]

    def _reply(self, host: MessageHost, code: str, reason: str) -> None:
        counted = "answered"
        try:
            code, reason = host.expand(code), host.expand(reason)
        except ConfigError as error:
            code, reason = "", str(error)
        if not _is_final(code) or set("\r\n") & set(reason):
            log.error("expected a code from %d to %d and a reason, got %r %r", FIRST_FINAL, LAST_FINAL, code, reason)
            counted, code, reason = "failed_replies", "500", "Server Internal Error"
        self._answer(host, host.reply(int(code), reason), counted)

    def _answer(self, host: MessageHost, reply: bytes | None, counted: str = "answered") -> None:
        """To where it came from, at the port in its Via, or with rport at its own (RFC 3261, 18.2.2; RFC 3581)."""
        via = first_via(host.context.message)
        if reply is None or via is None:
            self._count("dropped")  # an ACK is not answered
            return
        source = host.context.source
        has_rport = via.param(b"rport") is not None
        port = source.port if has_rport else port_of(via.port)
        if why := self._trouble_sending(reply, Address(source.ip, port or 0)):
            log.warning("cannot answer: %s", why)
            self._count("dropped")
        else:
            self._count(counted)

    def _forward(self, host: MessageHost, received: SipMessage) -> None:
        context = host.context
        wanted = context.dst_uri or context.request_uri
        uri = parse_uri(wanted)
        ip = ip_of(b"" if uri is None else uri.host)
        port = port_of(None if uri is None else uri.port)
        if ip is None or port is None:
            log.warning("cannot forward to %a: expected a SIP URI with an IP address", wanted.decode("latin-1"))
            self._reply(host, *UNRESOLVABLE)
            return
        target = Address(ip, port)
        if (ip, port) == (self.address.ip, self.address.port):
            # Without $du, a request for ourselves would come back until its hops are used up.
            self._reply(host, "404", "Not Found")
            return
        if why := why_not_to(target, self.address):
            log.warning("cannot forward: %s", why)
            self._reply(host, *UNRESOLVABLE)
            return
        try:
            sent, has_hops = self._with_our_via(host, received)
        except SipParseError as error:
            log.error("what the script left is no SIP message: %s", error)  # noqa: TRY400  # the reason is all there is
            self._reply(host, "500", "Server Internal Error")
            return
        if not has_hops:
            self._reply(host, "483", "Too Many Hops")
        elif sent is None:
            self._reply(host, "400", "Bad Request")
        elif why := self._trouble_sending(sent, target):
            log.warning("cannot forward: %s", why)
            self._reply(host, *SEND_FAILED)
        else:
            self._count("forwarded")

    def _with_our_via(self, host: MessageHost, received: SipMessage) -> tuple[bytes | None, bool]:
        """The request as it is sent on, None when it cannot be; and whether it has a hop left."""
        draft = host.forwarded()
        branch = None if draft is None else self._branches.made_for(received, parse(draft, is_6=received.is_6))
        sent = None if branch is None else host.forwarded(branch)
        if sent is None:
            return None, True
        counted = with_hop_counted(sent)
        return counted, counted is not None

    def _relay_reply(self, host: MessageHost) -> None:
        """Send on a reply to what was forwarded: without our Via, to where the next one says (RFC 3261, 18.2.2)."""
        target = self._branches.way_back(host.context.message)
        if target is None:
            self._count("foreign_replies")
            return
        rest = None if is_short(host.context.message) else host.forwarded()
        if rest is None or (why := self._trouble_sending(rest, target)):
            if rest is not None:
                log.warning("cannot send a reply on: %s", why)
            self._count("dropped")
        else:
            self._count("forwarded")

    def _trouble_sending(self, data: bytes, target: Address) -> str:
        """Send one datagram. Returns why that failed, empty when it did not."""
        if why := why_not_to(target, self.address):
            return why
        try:
            self._sock.sendto(data, (target.ip, target.port))
        except OSError as error:  # for example no route, or more than a datagram holds
            return f"{bracketed(target.ip)}:{target.port}: {error.strerror or error}"
        return ""

    def _count(self, what: str) -> None:
        with self._counting:
            setattr(self.counts, what, getattr(self.counts, what) + 1)


def _is_final(code: str) -> bool:
    return code.isascii() and code.isdigit() and FIRST_FINAL <= int(code) <= LAST_FINAL
