"""
The embedded host: a script's SR calls answered over a SIP message, without a SIP server.

Must not know workers or the wire: it is one of the Hosts of ``runner.calls``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from runner import sip
from runner.calls import FAILED, MODF_CANNOT_RUN
from runner.errors import ConfigError
from runner.hosts import foreseen
from runner.sip.header_names import key_asked_for
from runner.sip.scan import wrap
from runner.sip.uri import Scheme

from . import ksr, modf, outgoing
from .context import Address, Context, Environment, Process, Socket, Version
from .pv import direct, expression, families  # noqa: F401 - families fills the registries
from .substitution import Subst, parse_subst
from .to_tag import stateless_tag
from .value import NULL, CannotEvaluate, Value, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.pv.expression import Spec

_SIP, _SIPS = Scheme.SIP, Scheme.SIPS  # a look at an Enum's member is a call of Python
_LOOPBACK = Address("127.0.0.1", 5060)
_INT_MIN, _INT_MAX = -0x80000000, 0x7FFFFFFF
_WARNING = 0
SL_REPLY_ERROR, OPTIONS_REPLY = "sl_reply_error", "options_reply"
ALREADY_ANSWERED = -2
"""What 6.0 gives for a second reply, and both for one that may not be."""
_FIRST_WITH_TAG, _FINAL, _REDIRECTIONS, _REFUSALS = 180, 200, 300, 400


def to_bytes(text: str) -> bytes:
    """Text of a script as bytes of the message; lone surrogates are the bytes they stand for (PEP 383)."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """Bytes of the message as text of a script; the inverse of ``to_bytes``."""
    return data.decode("utf-8", "surrogateescape")


class MessageHost:
    """
    One SIP message in the hands of a script.

    Args:
        message: The datagram, or a message already parsed.
        source: Who sent it.
        received_on: The socket that received it.
        environment: What Kamailio's configuration would say.
        process: Variables that outlive the message; None for fresh ones.

    Attributes:
        logs: What the script and this host logged, in order, as (level, text).
        context: The message with what was done to it.
        had_bare_lf: True when lines of the head ended with LF alone; they are CRLF now.
        to_tag: Tag for the To of replies that the script asks for; None for Kamailio's stateless one.
        replies: Replies the script asked for with ``ModF("sl_reply_error")`` or ``KSR.sl``, in order.
        is_dropped: True when the script asked to have the message dropped (``KSR.set_drop``).

    Raises:
        SipParseError: The bytes are no SIP message; it names line and column.
    """

    def __init__(
        self,
        message: bytes | sip.SipMessage,
        *,
        source: Address = _LOOPBACK,
        received_on: Socket | Address = _LOOPBACK,
        environment: Environment | None = None,
        process: Process | None = None,
    ) -> None:
        socket = received_on if isinstance(received_on, Socket) else Socket(received_on)
        own = environment or Environment((socket,))
        parsed = sip.parse_text(message, is_6=own.is_6) if isinstance(message, bytes) else message
        self.logs: list[tuple[int, str]] = []
        self.replies: list[bytes] = []
        self.to_tag: str | None = None
        self.is_dropped = False
        self.had_bare_lf = parsed.had_bare_lf
        self.context = Context(parsed, source, socket, own, process or Process())

    @property
    def reply_headers(self) -> list[str]:
        """What ``HDR.AppendToReply`` added, in order."""
        return [to_text(text) for text in self.context.reply_headers]

    def message_bytes(self) -> bytes:
        """The message with the script's edits, and without what a proxy adds (its Via)."""
        data = outgoing.edited(self.context)
        return self.context.message.data if data is None else data

    def forwarded(self, branch: str = "z9hG4bK0") -> bytes | None:
        """The message as Kamailio would send it on, its Via with that branch; None when it could not."""
        return outgoing.forwarded(self.context, branch=branch.encode())

    def reply(self, code: int, reason: str, to_tag: str | None = None) -> bytes | None:
        """
        The reply Kamailio would send; None when it could not.

        ``to_tag`` is put into a To without one: None for Kamailio's own stateless tag, empty for none.
        """
        tag = stateless_tag(self.context) if to_tag is None else to_tag.encode()
        return outgoing.reply(self.context, code, to_bytes(reason), to_tag=tag)

    def log(self, level: int, text: str) -> None:
        """``Core.Log``: kept in ``logs``."""
        self.logs.append((level, text))

    def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
        """As ``runner.calls.Host``, see the module ``ksr``."""
        return ksr.call(function, arguments, self)

    def modf(self, function: str, *arguments: str) -> int:
        """``Core.ModF``: one of ``modf.FUNCTIONS``, without arguments; for anything else -127 and a log line."""
        own: dict[str, modf.ModuleFunction] = {SL_REPLY_ERROR: self._reply_error, OPTIONS_REPLY: self.options_reply}
        run = None if arguments else own.get(function) or modf.FUNCTIONS.get(function)
        if run is None and self.context.environment.is_6:
            run = modf.SINCE_6.get(function)
        if run is not None:
            self.context.begin_action()
        value = None if run is None else run(self.context)
        if value is None:
            self.logs.append(
                (_WARNING, f"ModF({function!r}) gave -127: not in the embedded host, it needs a real Kamailio")
            )
            return MODF_CANNOT_RUN
        self.context.return_code = value
        return value

    def _reply_error(self, _: Context) -> int:
        return self.reply_error()

    def options_reply(self, context: Context) -> int:
        """siputils: options.c, opt_reply, with its reply."""
        if modf.FUNCTIONS[OPTIONS_REPLY](context) != 1:
            return FAILED
        return 1 if context.is_reply_forbidden or self.answer(200, "OK") else FAILED

    def reply_error(self) -> int:
        """sl: sl_funcs.c, sl_reply_error: says what went wrong since the module function before."""
        context = self.context
        if context.is_reply_forbidden or (context.is_answered and context.environment.is_6):
            return ALREADY_ANSWERED
        self.answer(context.fault_before.code, context.fault_before.reason)
        return 1

    def answer(self, code: int, reason: str) -> bool:
        """Add a reply to ``replies``, of 300 to 399 with the destinations; False when Kamailio could not build one."""
        if _REDIRECTIONS <= code < _REFUSALS and (destinations := self.value("$ds")) and destinations.text:
            self.context.reply_headers.append(destinations.text + b"\r\n")
        answer = self.reply(code, reason, self.to_tag if code >= _FIRST_WITH_TAG else "")
        self.replies += [] if answer is None else [answer]
        is_final = answer is not None and code >= _FINAL
        self.context.is_answered = is_final or self.context.is_answered
        return answer is not None

    def value(self, name: str) -> Value | None:
        """The value of a variable; None when Kamailio has none, which is not null."""
        try:
            return _spec(name).read(self.context)
        except CannotEvaluate:
            return None

    def get_s(self, name: str) -> str | None:
        """``PV.GetS``."""
        read = direct.READS.get(name)
        try:
            text = _spec(name).read(self.context).text if read is None else read(self.context)
        except CannotEvaluate:
            return None
        return None if text is None else text.decode("utf-8", "surrogateescape")

    def get_i(self, name: str) -> int:
        """``PV.GetI``: only a value of integer type has a number here (app_mono_api.c, sr_mono_pv_geti)."""
        if (number := direct.NUMBERS.get(name)) is not None:
            return wrap(number(self.context))
        try:
            value = _spec(name).read(self.context)
        except CannotEvaluate:
            return 0
        return wrap(value.number) if value.is_integer and value.number is not None else 0

    def set_s(self, name: str, value: str) -> int:
        """``PV.SetS``: the text ends at a NUL, as a C string does."""
        try:
            text = value.encode() if value.isascii() and "\0" not in value else _c_string(value)
            if (write := direct.WRITES.get(name)) is None:
                return self._write(name, make((text, None, False, False, 0)))
            write(self.context, text)
        except CannotEvaluate:
            return FAILED
        return 0

    def set_i(self, name: str, value: int) -> int:
        """``PV.SetI``: a number outside 32 bits gives -1."""
        if not _INT_MIN <= value <= _INT_MAX:
            return FAILED
        return self._write(name, Value(None, value, is_integer=True))

    def unset(self, name: str) -> int:
        """``PV.Unset``."""
        return self._write(name, NULL)

    def is_null(self, name: str) -> int:
        """``PV.IsNull``."""
        try:
            return int(_spec(name).read(self.context).is_null)
        except CannotEvaluate:
            return FAILED

    def hdr_append(self, text: str) -> int:
        """``HDR.Append``: behind the last header, not seen by reads."""
        message = self.context.message
        return FAILED if message.broken_at is not None or not message.headers else self._put(message.headers[-1], text)

    def hdr_insert(self, text: str) -> int:
        """``HDR.Insert``: behind the first header, not seen by reads."""
        headers = self.context.message.headers
        return self._put(headers[0], text) if headers else FAILED

    def hdr_insert_before(self, text: str, name: str | None = None) -> int:
        """``KSR.hdr.insert_before``: before the first header of that name; before all when there is none."""
        return self._edit(lambda raw: self.context.edits.insert(self._first(name, self._headers()[0]).start, raw), text)

    def hdr_append_after(self, text: str, name: str) -> int:
        """``KSR.hdr.append_after``: behind the first header of that name; behind all when there is none."""
        return self._edit(lambda raw: self.context.edits.insert(self._first(name, self._headers()[-1]).end, raw), text)

    def hdr_remove(self, name: str) -> int:
        """``HDR.Remove``: every header of that type, or of that name when Kamailio has no type for it."""
        return self._edit(self._remove, name)

    def hdr_append_to_reply(self, text: str) -> int:
        """``HDR.AppendToReply``: unchanged; an empty text gives -1 (app_mono_api.c, sr_mono_hdr_append_to_reply)."""
        try:
            raw = _c_string(text)
        except CannotEvaluate:
            return FAILED
        if raw:
            self.context.reply_headers.append(raw)
        return 0 if raw else FAILED

    depends_on = staticmethod(foreseen.depends_on)
    changes = staticmethod(foreseen.changes)
    is_always_certain = staticmethod(foreseen.is_always_certain)

    def is_certain(self, call: str, target: str) -> bool:
        """As ``runner.calls.Foreseen``: headers that parse, an R-URI whose user can be replaced."""
        context, message = self.context, self.context.message
        if target == "$rU":
            line = message.first_line
            uri = context.uri(line.uri if context.new_uri is None else context.new_uri) if line.is_request else None
            return uri is not None and (uri.scheme is _SIP or uri.scheme is _SIPS)
        if call in {"HDR.Append", "HDR.Remove"} and message.broken_at is not None:
            return False
        return foreseen.is_always_certain(call, target) or bool(message.headers)

    def expand(self, text: str) -> str:
        """
        A path or parameter with the variables put in, as Kamailio's pv_printf does.

        Raises:
            ConfigError: An expression in it is malformed or unknown.
        """
        if text.isascii() and "$" not in text and "\0" not in text:
            return text
        try:
            return to_text(self.printed(_c_string(text)))
        except CannotEvaluate as error:
            raise ConfigError(f"{text!r} is no valid format string: {error}") from error

    def printed(self, text: bytes) -> bytes:
        """The same of bytes; raises CannotEvaluate."""
        return expression.parse_format(text).print(self.context)

    def evaluate(self, name: bytes) -> Value:
        """The value of a variable; raises CannotEvaluate where ``value`` gives None."""
        return expression.read(self.context, name)

    def is_writable(self, name: bytes) -> bool:
        """
        Whether that is a variable which a write may change, in this version of Kamailio.

        Text behind it does not count (core/pvapi.c, pv_cache_get).
        """
        try:
            spec = expression.parse_at(name)[0]
        except CannotEvaluate:
            return False
        is_known = spec.since <= self.context.environment.kamailio
        return is_known and spec.variable is not None and spec.variable.is_writable

    def assign(self, name: bytes, value: bytes) -> None:
        """Set a variable to a text of any bytes; raises CannotEvaluate."""
        expression.parse_at(name)[0].write(self.context, Value(value))

    def substitution(self, text: bytes) -> Subst:
        """``/expression/replacement/flags`` with variables in it; raises CannotEvaluate when it is malformed."""
        return parse_subst(text, expression.length)

    def _edit(self, edit: Callable[[bytes], None], text: str) -> int:
        try:
            edit(_c_string(text))
        except CannotEvaluate:
            return FAILED
        return 0

    def _headers(self) -> tuple[sip.Header, ...]:
        """Every header; raises CannotEvaluate when one cannot be parsed or there is none."""
        message = self.context.message
        if message.broken_at is not None or not message.headers:
            raise CannotEvaluate("a header cannot be parsed")
        return message.headers

    def _first(self, name: str | None, otherwise: sip.Header) -> sip.Header:
        key = None if name is None else key_asked_for(_c_string(name))
        return next((header for header in self._headers() if header.key == key), otherwise)

    def _put(self, header: sip.Header, text: str) -> int:
        """Behind that header."""
        try:
            self.context.edits.insert(header.end, _c_string(text))
        except CannotEvaluate:
            return FAILED
        return 0

    def _remove(self, name: bytes) -> None:
        key = key_asked_for(name)
        for header in self._headers():
            if header.key == key:
                self.context.edits.replace(header.start, header.end - header.start)

    def _write(self, name: str, value: Value) -> int:
        try:
            _spec(name).write(self.context, value)
        except CannotEvaluate:
            return FAILED
        return 0


def check_format(text: str, version: Version) -> None:
    """
    Look whether ``MessageHost.expand`` can put in every variable of a text, without a message.

    Raises:
        ConfigError: As ``expand``, with that version of Kamailio.
    """
    try:
        since = expression.parse_format(_c_string(text)).since
    except CannotEvaluate as error:
        raise ConfigError(f"{text!r} is no valid format string: {error}") from error
    if since > version:
        raise ConfigError(f"{text!r} is no valid format string: unknown before Kamailio {since}")


@lru_cache(maxsize=4096)
def _spec(name: str) -> Spec:
    return expression.parse_whole(_c_string(name))


def _c_string(text: str) -> bytes:
    """
    A script's text as Kamailio gets it: cut at the first NUL.

    Raises:
        CannotEvaluate: It holds a lone surrogate that stands for no byte.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
        return data.partition(b"\0")[0] if b"\0" in data else data
    except UnicodeEncodeError as error:
        raise CannotEvaluate("a lone surrogate stands for no byte") from error
