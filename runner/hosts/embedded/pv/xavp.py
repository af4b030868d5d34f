"""Extended values: ``$xavp(a[i]=>b[j])``, ``$xavi`` (names ignore case), ``$xavu`` (one value per name); pv_xavp.c."""

from __future__ import annotations

from dataclasses import dataclass

from runner.hosts.embedded.context import Context, XavpNode
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.hosts.embedded.xavps import named, place_of, searched

from .expression import Dynamic, parse_index
from .registry import ALL, Access, Reader, Writer, register
from .scriptvars import joined, stored

_WHITE = b" \t\r\n"
_OPENING, _CLOSING = b"[]"


@dataclass(frozen=True, slots=True)
class Key:
    """One ``name[index]`` (core/pvar.h, pv_xavp_name_t); the index is None without brackets."""

    name: bytes
    index: int | str | Dynamic | None = None

    def resolve(self, context: Context) -> int | str | None:
        """Evaluate the index. Raises CannotEvaluate when a dynamic index has no number."""
        if not isinstance(self.index, Dynamic):
            return self.index
        value = self.index.spec.read(context)
        if value.number is None:
            raise CannotEvaluate("the index has no number")
        return value.number


Path = tuple[Key, Key | None]


def parse_name(text: bytes) -> Path:
    """Parse ``name`` or ``name[i]``, optionally followed by ``=>name[i]`` (pv_xavp.c, pv_parse_xavp_name)."""
    first, rest = _parse_key(text)
    if not rest.startswith(b"="):
        return first, None
    if not rest.startswith(b"=>"):
        raise CannotEvaluate(f"bad xavp name {text!r}")
    if not rest[2:]:
        raise CannotEvaluate(f"bad xavp name {text!r}")
    return first, _parse_key(rest[2:])[0]


def _parse_key(text: bytes) -> tuple[Key, bytes]:
    text = text.lstrip(_WHITE)
    at = 0
    while at < len(text) and text[at] not in b" \t\r\n=[":
        at += 1
    name, rest = text[:at], text[at:].lstrip(_WHITE)
    if not rest.startswith(b"["):
        return Key(name), rest
    # pv_xavp_fill_ni: brackets nest, and the end of the name closes any that are still open.
    depth, end = 0, 0
    while end < len(rest):
        depth += (rest[end] == _OPENING) - (rest[end] == _CLOSING)
        if depth == 0:
            break
        end += 1
    if end == 1:
        raise CannotEvaluate("an index is empty")
    return Key(name, parse_index(rest[1:end])), rest[end + 1 :]


def _folded(path: Path, kind: str) -> Path:
    """Lower the names of an xavi, which ignores case."""
    if kind != "xavi":
        return path
    first, second = path
    return Key(first.name.lower(), first.index), None if second is None else Key(second.name.lower(), second.index)


def _at(nodes: list[XavpNode], index: int | str | None) -> XavpNode | None:
    at = index if isinstance(index, int) else 0
    if at < 0:
        at += len(nodes)
    return nodes[at] if 0 <= at < len(nodes) else None


def _value(node: XavpNode) -> Value:
    if isinstance(node.value, list):
        return Value(place_of(node.value))
    return node.value or NULL


def _reader(kind: str) -> Reader:
    def read(access: Access) -> Value:
        first, second = _folded(access.name, kind)
        context = access.context
        node = _at(named(context.xavps[kind], first.name), first.resolve(context))
        if node is None:
            return NULL
        if second is None:
            return _value(node)
        if not isinstance(node.value, list):
            return NULL
        index = second.resolve(context)
        children = named(searched(node.value, context.xavps[kind]), second.name)
        child = _at(children, index)
        if child is None:
            return NULL
        if index == ALL:
            last = _value(children[-1])
            text = joined([_value(each).text or b"" for each in children], b", ", is_6=context.environment.is_6)
            return NULL if text is None else Value(text, last.number, last.is_integer)
        return _value(child)

    return read


def _write_index(index: int | str | None, size: int) -> int:
    """pv_xavp.c, pv_set_xavp: in a write, unlike in a read, -1 is the position after the last value."""
    at = index if isinstance(index, int) else 0
    return at + size + 1 if at < 0 else at


def _remove(nodes: list[XavpNode], key: Key, index: int | str | None) -> None:
    found = named(nodes, key.name)
    if index == ALL:
        nodes[:] = [node for node in nodes if node.name != key.name]
        return
    at = _write_index(index, len(found))
    if 0 <= at < len(found):
        nodes[:] = [node for node in nodes if node is not found[at]]


def _unset(access: Access, kind: str, path: Path) -> None:
    first, second = path
    context = access.context
    nodes = context.xavps[kind]
    index = first.resolve(context)
    if second is None:
        _remove(nodes, first, index)
        return
    second_index = second.resolve(context)
    found = named(nodes, first.name)
    if index != ALL:
        at = _write_index(index, len(found))
        found = found[at : at + 1] if at >= 0 else []
    for node in found:
        if isinstance(node.value, list):
            _remove(node.value, second, second_index)


def _assign(nodes: list[XavpNode], key: Key, index: int | str | None, value: Value) -> bool:
    """Without an index, insert the value in front, with one, replace that one; False without it, or without a name."""
    if key.index is None and key.name:
        nodes.insert(0, XavpNode(key.name, value))
        return True
    found = named(nodes, key.name)
    at = _write_index(index, len(found))
    if not 0 <= at < len(found):
        return False
    found[at].value = value
    return True


def _writer(kind: str) -> Writer:
    def write(access: Access, value: Value) -> None:
        path = _folded(access.name, kind)
        if value.is_null:
            _unset(access, kind, path)
            return
        first, second = path
        context = access.context
        nodes = context.xavps[kind]
        new = stored(value)
        index = first.resolve(context)
        if second is None:
            if index == ALL or not _assign(nodes, first, index, new):
                raise CannotEvaluate("no such value")
            return
        second_index = second.resolve(context)
        if first.index is None:
            if not second.name:
                raise CannotEvaluate("a value has a name")
            if first.name:
                nodes.insert(0, XavpNode(first.name, [XavpNode(second.name, new)]))
            return
        if index == ALL:
            return
        at = _write_index(index, len(named(nodes, first.name)))
        node = _at(named(nodes, first.name), at) if at >= 0 else None
        if node is None:
            return
        if not isinstance(node.value, list):
            raise CannotEvaluate("the value is no list")
        if second_index != ALL and not _assign(node.value, second, second_index, new) and second.index is None:
            raise CannotEvaluate("a value has a name")

    return write


def count(context: Context, path: Path) -> int:
    """
    Count the values that a path names: without an index all, unlike in a read (pv_core.c, pv_get_cnt).

    Raises:
        CannotEvaluate: A dynamic index has no number.
    """
    first, second = path
    nodes = context.xavps["xavp"]
    found = _counted(nodes, nodes, first.name, first.resolve(context))
    if second is None:
        return len(found) if first.name else -1  # core/xavp.c, xavp_count
    index = second.resolve(context)
    lists = [node.value for node in found if isinstance(node.value, list)]
    if not second.name:
        return -len(lists)
    return sum(len(_counted(children, nodes, second.name, index)) for children in lists)


def _counted(nodes: list[XavpNode], outer: list[XavpNode], name: bytes, index: int | str | None) -> list[XavpNode]:
    """Those of that name; a search from the front goes on in the outer list where the inner one was emptied."""
    if index is None or index == ALL:
        return named(nodes, name)
    is_from_the_end = isinstance(index, int) and index < 0
    node = _at(named(nodes if is_from_the_end else searched(nodes, outer), name), index)
    return [] if node is None else [node]


def _read_unique(access: Access) -> Value:
    first, second = access.name
    nodes = access.context.xavps["xavu"]
    node = _at(named(nodes, first.name), 0)
    if node is not None and second is not None:
        node = _at(named(searched(node.value, nodes), second.name), 0) if isinstance(node.value, list) else None
    return NULL if node is None else _value(node)


def _write_unique(access: Access, value: Value) -> None:
    first, second = access.name
    nodes = access.context.xavps["xavu"]
    node = _at(named(nodes, first.name), 0)
    if value.is_null:
        if second is None:
            nodes[:] = [each for each in nodes if each is not node]
        elif node is not None and isinstance(node.value, list):
            node.value[:] = [each for each in node.value if each.name != second.name]
        return
    if not first.name:
        raise CannotEvaluate("a value has a name")
    if node is None:
        node = XavpNode(first.name, None)
        nodes.insert(0, node)
    if second is None:
        node.value = stored(value)
        return
    if not isinstance(node.value, list):
        node.value = []
    children = named(node.value, second.name)
    if children:
        children[0].value = stored(value)
    else:
        node.value.insert(0, XavpNode(second.name, stored(value)))


def _parse_unique(text: bytes) -> Path:
    """pv_xavp.c, pv_parse_xavu_name: everything except ``=`` belongs to a name, even brackets."""
    name, equals, rest = text.strip(_WHITE).partition(b"=")
    if equals and (rest[:1] != b">" or len(rest) == 1):
        raise CannotEvaluate(f"bad xavu name {text!r}")
    return Key(name), Key(rest[1:]) if equals else None


register(
    "xavp",
    "Values in lists by name, newest first; a write without [i] adds one.",
    "pv: pv_xavp.c, pv_get_xavp",
    _reader("xavp"),
    _writer("xavp"),
    parse_name=parse_name,
)
register(
    "xavi",
    "The same, names without regard to case.",
    "pv: pv_xavp.c, pv_get_xavi",
    _reader("xavi"),
    _writer("xavi"),
    parse_name=parse_name,
)
register(
    "xavu",
    "One value a name; a write replaces it.",
    "pv: pv_xavp.c, pv_get_xavu",
    _read_unique,
    _write_unique,
    parse_name=_parse_unique,
)
