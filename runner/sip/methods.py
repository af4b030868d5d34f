"""Methods of requests: those that Kamailio knows, with its numbers."""

from __future__ import annotations

METHODS = {
    b"INVITE": 1,
    b"CANCEL": 2,
    b"ACK": 4,
    b"BYE": 8,
    b"INFO": 16,
    b"REGISTER": 32,
    b"SUBSCRIBE": 64,
    b"NOTIFY": 128,
    b"MESSAGE": 256,
    b"OPTIONS": 512,
    b"PRACK": 1024,
    b"UPDATE": 2048,
    b"REFER": 4096,
    b"PUBLISH": 8192,
    b"KDMQ": 16384,
    b"GET": 32768,
    b"POST": 65536,
    b"PUT": 131072,
    b"DELETE": 262144,
}
"""core/parser/msg_parser.h, enum request_method. Any other is ``METHOD_OTHER``."""
METHOD_OTHER = 1 << 19


def method_number(name: bytes) -> int:
    """Kamailio's number of a method, without regard to case."""
    return METHODS.get(name.upper(), METHOD_OTHER)
