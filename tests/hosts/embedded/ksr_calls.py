"""A message in the embedded host, and the calls of KSR that the tests of its modules make."""

from __future__ import annotations

from typing import Any

from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MAIN

START = b"INVITE sip:bob@b.example;x=1;lr SIP/2.0\r\n"
HEADERS = (
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>\r\n"
    b"Call-ID: c\r\nCSeq: 1 INVITE\r\nX-A: one\r\nx-a: two, three\r\nSubject: two words\r\n"
)


class Message:
    """
    A host with one message.

    Args:
        more: Headers behind the usual ones.
        body: The body; Content-Length is right.
        start: The first line.
        is_6: As Kamailio 6.0.
    """

    def __init__(self, more: bytes = b"", body: bytes = b"", *, start: bytes = START, is_6: bool = False) -> None:
        data = start + HEADERS + more + b"Content-Length: %d\r\n\r\n" % len(body) + body
        environment = Environment(
            (MAIN,),
            defines={"N": "42", "E": ""},
            variables={"HOME": "/h", "SEVEN": "7"},
            kamailio="6.0" if is_6 else "5.6",
        )
        self.host = MessageHost(data, received_on=MAIN, environment=environment)

    def call(self, function: str, *arguments: Any) -> Any:
        """What KSR gives."""
        return self.host.ksr(function, list(arguments))

    @property
    def text(self) -> str:
        """The message with its edits."""
        return self.host.message_bytes().decode("latin-1")

    @property
    def body(self) -> str:
        """Its body with the edits."""
        return self.text.partition("\r\n\r\n")[2]

    def line(self, name: str) -> str:
        """The value of the first header of that name, as written."""
        return next(line.partition(": ")[2] for line in self.text.split("\r\n") if line.startswith(name + ":"))
