"""Further destinations of a request: ``$br``, ``$branch``, ``$sbranch``, ``$ds`` (pv_branch.c, core/dset.c)."""

from __future__ import annotations

from runner.hosts.embedded.context import MAX_PATH_SIZE, MAX_URI_SIZE, Branch
from runner.hosts.embedded.routing import append_branch, find_socket, limit
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.scan import wrap

from .registry import Access, register
from .request import text_or_null
from .scriptvars import joined

_PARTS = {
    b"uri": "uri",
    b"dst_uri": "dst_uri",
    b"path": "path",
    b"Q": "q",
    b"q": "q",
    b"send_socket": "send_socket",
    b"count": "count",
    b"flags": "flags",
    b"ruid": "ruid",
    b"location_ua": "location_ua",
    b"otcpid": "otcpid",
    b"instance": "instance",
}
_LONGEST_CONTACT = 4096 - 3  # core/config.h, MAX_REDIRECTION_LEN, without the line end and a blank
_READ_ONLY = {"count", "ruid", "location_ua", "instance"}


def _parse_part(text: bytes) -> str:
    try:
        return _PARTS[text]
    except KeyError:
        raise CannotEvaluate(f"unknown branch part {text!r}") from None


def _read_part(access: Access, branch: Branch) -> Value:
    """pv_branch.c, pv_get_branchx_helper."""
    if access.name == "count":
        return Value.integer(len(access.context.branches))
    if not branch.uri:
        return NULL
    match access.name:
        case "q":
            return NULL if branch.q is None else Value.integer(branch.q)
        case "flags":
            return Value.integer(branch.flags & 0xFFFFFFFF)
        case "otcpid":
            return Value.integer(branch.otcpid)
        case "instance":
            return NULL
    return text_or_null(getattr(branch, access.name))


_Q_UNSPECIFIED = -1  # core/qvalue.h


def _write_part(access: Access, branch: Branch, value: Value) -> None:
    """pv_branch.c, pv_set_branchx_helper, all but the URI."""
    name = access.name
    if name in _READ_ONLY:
        return
    if name in {"q", "flags", "otcpid"}:
        if value.number is None and not value.is_null:
            raise CannotEvaluate(f"{name} of a branch needs a number")
        number = wrap(value.number or 0)
        is_unset = name == "q" and (value.number is None or number == _Q_UNSPECIFIED)
        setattr(branch, name, None if is_unset else number)
        return
    if value.text is None and not value.is_null:
        raise CannotEvaluate(f"{name} of a branch needs a text")
    if name == "send_socket":
        socket = find_socket(access.context, value.text) if value.text else None
        branch.send_socket = None if socket is None else socket.text.encode()
        return
    limit(value.text or b"", MAX_PATH_SIZE if name == "path" else MAX_URI_SIZE)
    setattr(branch, name, value.text or None)


def _branch(access: Access) -> Branch | None:
    branches = access.context.branches
    at = access.position
    if at < 0:
        at += len(branches)
    return branches[at] if 0 <= at < len(branches) else None


def _read(access: Access) -> Value:
    branch = _branch(access)
    return NULL if branch is None else _read_part(access, branch)


def _write(access: Access, value: Value) -> None:
    branch = _branch(access)
    if branch is None:
        raise CannotEvaluate("no such branch")
    if access.name != "uri":
        _write_part(access, branch, value)
    elif value.is_null or value.text == b"":
        access.context.branches.remove(branch)
    elif value.text is None:
        raise CannotEvaluate("the URI of a branch needs a text")
    else:
        limit(value.text, MAX_URI_SIZE)
        branch.uri = value.text


def _read_static(access: Access) -> Value:
    return _read_part(access, access.context.process.static_branch)


def _write_static(access: Access, value: Value) -> None:
    process = access.context.process
    if access.name != "uri":
        _write_part(access, process.static_branch, value)
    elif value.is_null or value.text == b"":
        process.static_branch = Branch(q=0)
    elif value.text is None:
        raise CannotEvaluate("the URI of a branch needs a text")
    else:
        limit(value.text, MAX_URI_SIZE)
        process.static_branch.uri = value.text


def _first(access: Access) -> Value:
    context = access.context
    return Value(context.branches[0].uri) if context.branches and not context.message.first_line.is_reply else NULL


def _append_first(access: Access, value: Value) -> None:
    if not value.text:
        raise CannotEvaluate("$br needs a text")
    socket = access.context.force_socket
    append_branch(access.context, Branch(value.text, send_socket=None if socket is None else socket.text.encode()))


def _with_q(uri: bytes, q: int | None) -> bytes:
    return uri if q is None else b"<" + uri + b">;q=" + q_text(q)


def q_text(q: int) -> bytes:
    """core/qvalue.c, q2str: thousandths as ``0.5``, ``1``, ``0``."""
    if q >= 1000:  # noqa: PLR2004 - a thousand thousandths
        return b"1"
    return b"0." + (b"%03d" % q).rstrip(b"0") if q > 0 else b"0"


def _all(access: Access) -> Value:
    context = access.context
    if not context.branches or context.message.first_line.is_reply:
        return NULL
    texts = [_with_q(branch.uri, branch.q) for branch in context.branches]
    return Value(joined(texts, b", ", is_6=context.environment.is_6))


def _destination_set(access: Access) -> Value:
    """core/dset.c, print_dset: the R-URI when it was changed, then the branches; null for nothing and for too much."""
    context = access.context
    pairs = [] if context.new_uri is None else [(context.new_uri, context.request_q)]
    pairs += [(branch.uri, branch.q) for branch in context.branches]
    uris = [b"<" + uri + b">" + (b"" if q is None else b";q=" + q_text(q)) for uri, q in pairs]
    text = b"Contact: " + b", ".join(uris)
    return Value(text) if uris and len(text) <= _LONGEST_CONTACT else NULL


_SOURCE = "pv: pv_branch.c, pv_get_branchx"
register("br", "URI of the first branch; a write appends one.", "pv: pv_core.c, pv_get_branch", _first, _append_first)
register("bR", "Every branch.", "pv: pv_core.c, pv_get_branches", _all)
register(
    "branch",
    "Part of a branch: uri, dst_uri, path, Q, send_socket, count, flags, ruid, location_ua, otcpid.",
    _SOURCE,
    _read,
    _write,
    parse_name=_parse_part,
    takes_index=True,
)
register(
    "sbranch",
    "The same of the static branch, which lives as long as the process.",
    "pv: pv_branch.c, pv_get_sbranch",
    _read_static,
    _write_static,
    parse_name=_parse_part,
)
register("ds", "The destination set as a Contact header.", "pv: pv_core.c, pv_get_dset", _destination_set)
register(
    "ruid location_ua", "Of the registrar's record; always null here.", "pv: pv_core.c, pv_get_ruid", lambda _: NULL
)
