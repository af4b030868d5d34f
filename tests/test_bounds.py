"""
Whatever a client, a script or a message can make grow has a bound: the sources are read for containers that outlive a
call and are grown somewhere, and each has to say here what bounds it.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.bounds_table import BOUNDS, BRIDGE_BOUNDS, JAVA_BOUNDS
from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCES = sorted(
    [
        *(ROOT / "runner").rglob("*.py"),
        *(ROOT / "kamailio").glob("*.py"),
        *(ROOT / "bridge" / "python").rglob("*.py"),
    ]
)
BRIDGE = sorted([*(ROOT / "bridge").rglob("*.cs"), *(ROOT / "lib").glob("*.cs")])
JAVA_BRIDGE = sorted((ROOT / "bridge" / "java").rglob("*.java"))

METHODS = {
    "append", "appendleft", "add", "setdefault", "update", "extend", "extendleft", "insert", "put", "put_nowait",
}  # fmt: skip
FUNCTIONS = {"insort", "insort_left", "insort_right", "heappush"}
MAKERS = {"list", "dict", "set", "deque", "bytearray", "bytes", "defaultdict", "Counter", "OrderedDict", "tuple"}
CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
ENDLESS_CACHE = re.compile(r"(functools\.)?(cache|lru_cache\((maxsize=)?None\))")
CONSTANT = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")

ADVICE = (
    "bound it in the code, or say in tests/bounds_table.py what bounds it already: a constant and where it is checked, "
    "or what it counts of which there are few"
)


class Reader:
    """
    Finds the growing containers of one file.

    A name is ``Class.attribute`` for ``self.attribute``, else the container as it is written (``context.edits``), or
    the name of a global. A local name that stands for an attribute counts as that attribute. A parameter does not: what
    a function is given to fill is mostly a local of its caller.
    """

    def __init__(self, text: str) -> None:
        self.found: set[str] = set()
        self._tree = ast.parse(text)
        self._globals = {
            target.id
            for node in self._tree.body
            for target, value in _assigned(node)
            if isinstance(target, ast.Name) and _is_container(value)
        }
        # By attribute: what is a container wherever it is first made, so that += grows it and does not count.
        self._containers = {
            target.attr if isinstance(target, ast.Attribute) else target.id
            for node in ast.walk(self._tree)
            for target, value in _assigned(node)
            if isinstance(target, ast.Attribute | ast.Name) and _is_container(value)
        }
        self._read(self._tree, "", {})

    def _read(self, tree: ast.AST, owner: str, aliases: dict[str, ast.expr]) -> None:
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.ClassDef):
                self._read(node, node.name, {})
                continue
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                own = dict(aliases)
                for inner in ast.walk(node):
                    for target, value in [] if isinstance(inner, ast.AugAssign) else _assigned(inner):
                        made_of = value.values[0] if isinstance(value, ast.BoolOp) else value  # self.x or []
                        if isinstance(target, ast.Name) and isinstance(made_of, ast.Attribute):
                            own[target.id] = made_of
                if not isinstance(node, ast.Lambda):
                    self._decorated(node)
                self._read(node, owner, own)
                continue
            for container in self._grown(node):
                if (name := self._name(container, owner, aliases)) is not None:
                    self.found.add(name)
            self._read(node, owner, aliases)

    def _decorated(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any(ENDLESS_CACHE.fullmatch(ast.unparse(decorator)) for decorator in function.decorator_list):
            self.found.add(f"{function.name} (cache)")

    def _grown(self, node: ast.AST) -> Iterator[ast.expr]:
        """The containers that this piece of code makes longer."""
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                yield node.func.value
            if ast.unparse(node.func).rpartition(".")[2] in FUNCTIONS and node.args:
                yield node.args[0]
        for target, value in _assigned(node):
            if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                yield target.value
            elif isinstance(node, ast.AugAssign) and isinstance(target, ast.Attribute | ast.Name):
                name = target.attr if isinstance(target, ast.Attribute) else target.id
                if isinstance(node.op, ast.Add | ast.BitOr) and (name in self._containers or _is_container(value)):
                    yield target
            elif isinstance(target, ast.Attribute) and value is not None and self._holds(value, target):
                yield target

    def _holds(self, value: ast.expr, attribute: ast.Attribute) -> bool:
        """Whether the new value is the old one and more: ``x = [*x, 1]``, ``x = {**x, 1: 2}``, ``x = x + y``."""
        own = ast.unparse(attribute)
        for node in ast.walk(value):
            pieces: list[ast.expr | None] = []
            if isinstance(node, ast.Starred):
                pieces = [node.value]
            elif isinstance(node, ast.Dict):
                pieces = [piece for key, piece in zip(node.keys, node.values, strict=True) if key is None]
            elif isinstance(node, ast.BinOp) and (isinstance(node.op, ast.BitOr) or attribute.attr in self._containers):
                pieces = [node.left, node.right]
            if own in {ast.unparse(piece) for piece in pieces if piece is not None}:
                return True
        return False

    def _name(self, container: ast.expr, owner: str, aliases: dict[str, ast.expr]) -> str | None:
        while isinstance(container, ast.Subscript | ast.Call):  # what lies in a container, or setdefault gave of it
            inner = container.func if isinstance(container, ast.Call) else container.value
            container = inner.value if isinstance(container, ast.Call) and isinstance(inner, ast.Attribute) else inner
        if isinstance(container, ast.Name):
            if container.id in aliases:
                container = aliases[container.id]
            else:
                return container.id if container.id in self._globals else None
        if not isinstance(container, ast.Attribute):
            return None
        text = ast.unparse(container)
        return f"{owner}{text.removeprefix('self')}" if text.startswith("self.") else text


def _assigned(node: ast.AST) -> list[tuple[ast.expr, ast.expr | None]]:
    """What a statement or ``:=`` assigns, each target with its value; of ``a, *b = c`` each with the whole."""
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        return [(node.target, node.value)]
    found: list[tuple[ast.expr, ast.expr | None]] = []
    if isinstance(node, ast.Assign):
        for target in node.targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            each = (
                node.value.elts
                if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(parts) > 1
                else None
            )
            bare = [part.value if isinstance(part, ast.Starred) else part for part in parts]
            found += zip(bare, each or [node.value] * len(parts), strict=True)
    return found


def _is_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).rpartition(".")[2]
        return name in MAKERS or any(word.arg == "default_factory" for word in value.keywords)
    is_text = isinstance(value, ast.JoinedStr) or (
        isinstance(value, ast.Constant) and isinstance(value.value, str | bytes)
    )
    return isinstance(value, CONTAINERS) or is_text


def growing(sources: Iterable[Path], root: Path) -> set[tuple[str, str]]:
    """File and name of each container that outlives a call and is grown somewhere."""
    return {
        (str(path.relative_to(root)), name)
        for path in sources
        for name in Reader(path.read_text(encoding="utf-8")).found
    }


def test_every_container_that_grows_says_what_bounds_it() -> None:
    unknown = [f"{file}: {name}" for file, name in sorted(growing(SOURCES, ROOT) - set(BOUNDS))]

    assert unknown == [], ADVICE


def test_every_row_is_of_a_container_that_is_there() -> None:
    gone = [f"{file}: {name}" for file, name in sorted(set(BOUNDS) - growing(SOURCES, ROOT))]

    assert gone == [], "take these rows out of tests/bounds_table.py"


def test_every_bound_says_something() -> None:
    rows = BOUNDS | BRIDGE_BOUNDS
    assert [row for row, words in rows.items() if len(words.split()) < 2 or "not bounded" in words.lower()] == []


def test_every_constant_that_bounds_something_exists() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*SOURCES, *BRIDGE]]
    known = {name for text in texts for name in re.findall(r"^\s*(?:private const int )?(\w+) = ", text, re.MULTILINE)}
    known |= {
        name
        for text in texts
        for line in re.findall(r"^([A-Z_, ]+) = ", text, re.MULTILINE)
        for name in line.split(", ")
    }

    assert {name for words in BOUNDS.values() for name in CONSTANT.findall(words)} - known == set()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("class C:\n  def f(self): self.x.append(1)", "C.x"),
        ("class C:\n  def f(self): self.x[1] = 2", "C.x"),
        ("class C:\n  def f(self): self.x[1].add(2)", "C.x"),
        ("class C:\n  def f(self): self.x.setdefault(1, set()).add(2)", "C.x"),
        ("class C:\n  def f(self): self.x[1][2] = 3", "C.x"),
        ("class C:\n  def f(self): self.x += (1,)", "C.x"),
        ("class C:\n  def f(self):\n    self.x = b''\n    self.x += f()", "C.x"),
        ("class C:\n  x: list[int] = field(default_factory=list)\n  def f(self): self.x += f()", "C.x"),
        ("class C:\n  def f(self): self.x = [*self.x, 1]", "C.x"),
        ("class C:\n  def f(self): self.x = {**self.x, 1: 2}", "C.x"),
        ("class C:\n  def f(self): self.x = self.x | other", "C.x"),
        ("class C:\n  def f(self): heapq.heappush(self.x, 1)", "C.x"),
        ("class C:\n  x = b''\n  def f(self): *y, self.x = (self.x + z).split()", "C.x"),
        ("class C:\n  x = b''\n  def f(self): self.x = self.x + z", "C.x"),
        ("class C:\n  def f(self):\n    x = self.x\n    x.append(1)", "C.x"),
        ("class C:\n  def f(self):\n    self.x = x = self.x or []\n    x.append(1)", "C.x"),
        ("def f(c):\n  c.x = x = c.x or []\n  x.append(1)", "c.x"),
        ("class C:\n  def f(self):\n    if y := self.x:\n      y.update(z)", "C.x"),
        ("class C:\n  def f(self):\n    return [self.x.add(y) for y in z]", "C.x"),
        ("def f(context): context.edits.insert(0, 1)", "context.edits"),
        ("X = {}\ndef f(): X[1] = 2", "X"),
        ("X: list[int] = []\ndef f(): X.append(2)", "X"),
        ("@cache\ndef f(x): return x", "f (cache)"),
        ("@functools.lru_cache(maxsize=None)\ndef f(x): return x", "f (cache)"),
    ],
)
def test_the_reader_finds_what_it_looks_for(code: str, name: str) -> None:
    assert Reader(code).found == {name}


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n  x = []\n  x.append(1)",
        "class C:\n  def f(self): self.x += 1",
        "class C:\n  def f(self): self.x = self.y + 1",
        "X = 1\ndef f():\n  x = {}\n  x[1] = 2",
        "@lru_cache(maxsize=16)\ndef f(x): return x",
        "class C:\n  def f(self): self.x = [1]",
        "def f(c):\n  x = []\n  x += c.x",
    ],
)
def test_the_reader_leaves_alone_what_ends_with_its_call_or_is_a_number(code: str) -> None:
    assert Reader(code).found == set()


# The same for the C#, by a simpler reading: fields that are collections, and buffers that are resized.

FIELD = re.compile(
    r"^ {8}(?:(?:private|internal|public|protected|static|readonly|volatile) )+"
    r"(?:(?:System\.[A-Za-z.]+\.)?(?:List|Dictionary|HashSet|Queue|Stack|LinkedList|SortedDictionary|SortedList|"
    r"Concurrent\w+|BlockingCollection|ConditionalWeakTable|StringBuilder|MemoryStream|ArrayList|Hashtable)\b[^=;({]*?)"
    r" (?P<name>\w+)(?= =|;)",
    re.MULTILINE,
)
RESIZED = re.compile(r"Array\.Resize\(ref (?P<name>\w+)")


def test_every_collection_of_the_bridge_says_what_bounds_it() -> None:
    found = {
        (path.name, hit["name"])
        for path in BRIDGE
        for pattern in (FIELD, RESIZED)
        for hit in pattern.finditer(path.read_text(encoding="utf-8"))
    }

    assert sorted(found - set(BRIDGE_BOUNDS)) == [], ADVICE
    assert sorted(set(BRIDGE_BOUNDS) - found) == [], "take these rows out of tests/bounds_table.py"


@pytest.mark.parametrize(
    "line",
    [
        "        private readonly Dictionary<string, Script> _scripts = new Dictionary<string, Script>();",
        "        internal static List<int> Found;",
        "        private static readonly System.Text.StringBuilder Text = new System.Text.StringBuilder();",
        "        public readonly Dictionary<string, List<int>> All =",
    ],
)
def test_the_reader_of_the_bridge_finds_fields(line: str) -> None:
    assert FIELD.search(line)


# And for the Java.

JAVA_FIELD = re.compile(
    r"^ {4}(?:(?:private|public|protected|static|final|volatile) )*"
    r"(?:(?:Array|Linked|CopyOnWriteArray)?List|(?:(?:Concurrent|Linked|Weak)?Hash|Tree)?Map|ConcurrentMap|"
    r"(?:(?:Linked)?Hash|Tree)?Set|\w*Queue|\w*Deque|StringBuilder|ByteArrayOutputStream)\b[^=;({]*?"
    r" (?P<name>\w+)(?= =|;)",
    re.MULTILINE,
)
JAVA_RESIZED = re.compile(r"(?P<name>\w+) = Arrays\.copyOf\((?P=name)")


def test_every_collection_of_the_java_bridge_says_what_bounds_it() -> None:
    found = {
        (path.name, hit["name"])
        for path in JAVA_BRIDGE
        for pattern in (JAVA_FIELD, JAVA_RESIZED)
        for hit in pattern.finditer(path.read_text(encoding="utf-8"))
    }

    assert sorted(found - set(JAVA_BOUNDS)) == [], ADVICE
    assert sorted(set(JAVA_BOUNDS) - found) == [], "take these rows out of tests/bounds_table.py"


@pytest.mark.parametrize(
    ("line", "is_field"),
    [
        ("    private final Map<String, Script> scripts = new HashMap<>();", True),
        ("    static List<String> found;", True),
        ("    final StringBuilder text = new StringBuilder();", True),
        ("        List<String> found = new ArrayList<>();", False),
        ("    List<String> entries() {", False),
    ],
)
def test_the_reader_of_the_java_bridge_finds_fields_only(line: str, is_field: bool) -> None:  # noqa: FBT001
    assert bool(JAVA_FIELD.search(line)) is is_field


@pytest.mark.parametrize(
    "line", ["            var found = new List<string>();", "        internal List<string> Load(JsonObject wanted)"]
)
def test_the_reader_of_the_bridge_leaves_locals_and_methods_alone(line: str) -> None:
    assert not FIELD.search(line)
