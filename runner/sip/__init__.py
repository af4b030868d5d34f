"""The text of SIP: messages, URIs, addresses and bodies, as Kamailio reads them. No pseudo-variables."""

from .message import Header, SipMessage, SipParseError, parse, parse_rebuilt, parse_text

__all__ = ["Header", "SipMessage", "SipParseError", "parse", "parse_rebuilt", "parse_text"]
