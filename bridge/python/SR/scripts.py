"""The builds of scripts: read from the runner's copies, with the modules beside each of them.

A script imports what lies at or below its directory as if that were first in ``sys.path``, but a module of the standard
library always wins, and only copies are loaded. Each build has modules of its own: those of the one that runs are in
``sys.modules``, and change places with another's when that one runs.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import os
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any

from .copied import Copied
from .mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, ModuleType

    from .calls import Plan

MOST_ENTRIES = 1000  # runner/wire/session.py
LONGEST_ENTRY = 200
VARIABLE_ARGUMENTS = 0x04  # CO_VARARGS of inspect
_BITS = 31
_STANDARD = [os.path.dirname(os.__file__), os.path.join(os.path.dirname(os.__file__), "lib-dynload")]
_HASH = re.compile("[0-9a-f]{64}")
_IMPORTS = re.compile(rf"{re.escape(os.path.abspath(__file__))}|<frozen importlib|/importlib/__init__\.py$")


class InvalidScript(Exception):
    """The script cannot be loaded; the cause, where there is one, is the script's own."""


class Missing(BaseException):
    """The top level imports a file of which nobody has said yet whether it is there."""


class Entry:
    """A function of a script that an exec can run.

    Attributes:
        plan: What travels with its execs; None until the runner has learned something.
    """

    def __init__(self, function: Callable[..., Any], *, is_main: bool) -> None:
        self.plan: Plan | None = None
        self._function = function
        self._is_main = is_main
        self._takes_one = _takes(function)[1] > 0

    def run(self, param: str | None) -> int:
        """Run it; whatever it throws leaves here.

        Raises:
            TypeError: Main gave what is no exit code.
        """
        if not self._is_main:
            result = self._function(param) if self._takes_one else self._function()
            return result if type(result) is int and is_code(result) else 0
        arguments = [] if param is None else [param]
        result = self._function(arguments) if self._takes_one else self._function()
        if result is None:
            return 0
        if type(result) is int and is_code(result):
            return result
        raise TypeError(f"main: expected a whole number of 32 bits or None as its result, got {result!r:.200}")


class Script:
    """One build of a script.

    Args:
        load: The parameters of ``load``, see docs/protocol.md.
        copies: The runner's directory of copies.
        builds: A private directory of the worker.
        ask: Asks the runner for a file beside the script: the hash of its copy, or None.

    Attributes:
        place: Where it finds what lies beside it: its path, or that in a mirror where data files belong to it.
        missing: Files that the script wants to import and nobody has looked for yet.
        entries: What an exec can run beside main.
        tops: The first parts of the names of its modules.
        modules: Its modules, while another script runs.
        hidden: Modules of others with these names, while it runs itself.

    Raises:
        InvalidScript: A copy cannot be read.
    """

    def __init__(self, load: dict[str, Any], copies: str, builds: str, ask: Callable[[str], str | None]) -> None:
        self.path: str = load["path"]
        self.generation: str = load["generation"]
        self.missing: list[str] = []
        self.entries: dict[str, Entry] = {}
        self.modules: dict[str, ModuleType] = {}
        self.hidden: dict[str, ModuleType] = {}
        self._main: Entry | None = None
        self._copies = copies
        self._ask = ask
        self._is_loading = True
        self._directory, file = os.path.split(self.path)
        self._files: dict[str, bytes | None] = {
            name: helper and self._read(helper["file"], helper["path"]) for name, helper in load["helpers"].items()
        }
        stem = os.path.splitext(file)[0].replace(".", "_")
        self._name = f"{stem}.py" if _is_elsewhere(stem) else stem
        self.tops = {self._name.partition(".")[0]}
        self.tops |= {
            name.partition("/")[0].partition(".")[0] for name, source in self._files.items() if source is not None
        }
        data = {name: os.path.join(copies, _hash(copy, self.path)) for name, copy in load.get("files", {}).items()}
        self._mirror = Mirror(builds, self._directory, data) if data else None
        self.place = self._place(file)
        self._loader = Copied(self._name, self.place, self.path, self._read(load["file"], self.path))

    def needs(self) -> list[str]:
        """The files that its imports name and of which nothing is known, seen without running anything.

        Raises:
            InvalidScript: The script or one of its helpers is no Python.
        """
        found: dict[str, None] = {}
        todo = [(self.path, self._loader.get_data(""), "")]
        seen = set()
        while todo:
            path, source, package = todo.pop()
            seen.add(path)
            for name in _imports(path, source, package):
                for file in self._steps(name, found):
                    where = os.path.join(self._directory, file)
                    if where not in seen:
                        inner = os.path.dirname(file).replace("/", ".")
                        todo.append((where, self._files[file] or b"", inner))
        return list(found)

    def arrange(self) -> None:
        """Put its data files where it finds them.

        Raises:
            InvalidScript: They cannot be put there.
        """
        if self._mirror is None:
            return
        sources = {os.path.relpath(path, self._directory): source for path, source in self.sources()}
        try:
            self._mirror.make(sources)
        except OSError as error:
            raise InvalidScript(f"{self.path}: its files cannot be linked: {error}") from error

    def forget(self) -> None:
        """It will not run again."""
        if self._mirror is not None:
            self._mirror.remove()

    def run_top_level(self) -> None:
        """Run the file from its beginning, in a new module; whatever it throws leaves here.

        Raises:
            InvalidScript: It has nothing that could be run.
        """
        spec = importlib.util.spec_from_file_location(self._name, self.place, loader=self._loader)
        if spec is None:
            raise InvalidScript(f"{self.path}: expected a file of Python")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self._name] = module
        self._loader.exec_module(module)
        plans = {name: entry.plan for name, entry in self.entries.items()}
        self.entries = _entries(module)
        for name, plan in plans.items():
            if name in self.entries:
                self.entries[name].plan = plan
        self._set_main(module)

    def loaded(self) -> None:
        """From now on imports ask for what is not known."""
        self._is_loading = False

    def entry(self, name: str | None) -> Entry | None:
        """The function of that name; None is main."""
        return self._main if name is None else self.entries.get(name)

    def spec(self, name: str) -> ModuleSpec | None:
        """How to import a module; None when it is not the script's own.

        Raises:
            ModuleNotFoundError: It would be in one of the script's packages, and is not there.
            Missing: At load, nobody knows yet.
        """
        top, _, inner = name.partition(".")
        if _is_standard(top) or (inner and top not in self.tops):
            return None
        place = name.replace(".", "/")
        candidates = [f"{place}/__init__.py", f"{place}.py"]
        unknown = [file for file in candidates if file not in self._files]
        if unknown and self._is_imported_by_its_own() and (inner or not _is_elsewhere(top)):
            if self._is_loading:
                self.missing += unknown
                raise Missing
            for file in unknown:
                self._find(file)
        for file in candidates:
            source = self._files.get(file)
            if source is not None:
                where = self._place(file)
                search = [os.path.dirname(where)] if file.endswith("/__init__.py") else None
                loader = Copied(name, where, os.path.join(self._directory, file), source)
                return importlib.util.spec_from_file_location(
                    name, where, loader=loader, submodule_search_locations=search
                )
        if any(file.startswith(f"{place}/") and source is not None for file, source in self._files.items()):
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [self._place(place)]
            return spec
        if inner:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

    def sources(self) -> Iterator[tuple[str, bytes]]:
        """Each of its files: where it lies, and its content."""
        yield self.path, self._loader.get_data("")
        for file, source in self._files.items():
            if source is not None:
                yield os.path.join(self._directory, file), source

    def _set_main(self, module: ModuleType) -> None:
        plan = self._main.plan if self._main else None
        main = getattr(module, "main", None)
        self._main = None
        if callable(main):
            if _takes(main)[0] > 1:
                raise InvalidScript(f"{self.path}: expected main() or main(args)")
            self._main = Entry(main, is_main=True)
            self._main.plan = plan
        elif not self.entries:
            raise InvalidScript(f"{self.path}: it has no main(args), and no public function that an exec could name")

    def _steps(self, name: str, found: dict[str, None]) -> Iterator[str]:
        """The known files on the way to a module; what is not known goes into ``found``."""
        top = name.partition(".")[0]
        if _is_standard(top) or top in {"SR", "KSR"}:
            return
        place = ""
        for part in name.split("."):
            candidates = [f"{place}{part}/__init__.py", f"{place}{part}.py"]
            unknown = [file for file in candidates if file not in self._files]
            if unknown:
                found.update(dict.fromkeys(unknown))
                return
            if self._files[candidates[0]] is not None:
                yield candidates[0]
            elif self._files[candidates[1]] is not None:
                yield candidates[1]
                return
            elif not place and _is_elsewhere(part):
                return
            place += f"{part}/"

    def _is_imported_by_its_own(self) -> bool:
        """Whether the import that looks for a module is in one of its files: libraries try many that are not there."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect does the same
        while frame is not None and _IMPORTS.search(frame.f_code.co_filename):
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename in dict(self.sources())

    def _find(self, file: str) -> None:
        """Ask for a file, which from now on belongs to this build."""
        copy = self._ask(file)
        source = None if copy is None else self._read(copy, os.path.join(self._directory, file))
        self._files[file] = source
        if source is not None:
            if self._mirror is not None:
                self._mirror.add(file, source)
            self.tops.add(file.partition("/")[0].partition(".")[0])

    def _place(self, name: str) -> str:
        return os.path.join(self._directory, name) if self._mirror is None else self._mirror.place(name)

    def _read(self, copy: str, path: str) -> bytes:
        try:
            with open(os.path.join(self._copies, _hash(copy, path)), "rb") as file:
                source = file.read()
        except OSError as error:
            raise InvalidScript(f"{path}: the runner's copy cannot be read: {error}") from error
        if hashlib.sha256(source).hexdigest() != copy:
            raise InvalidScript(f"{path}: the runner's copy was changed: expected the SHA-256 {copy}")
        return source


class Stage:
    """The script that runs, or ran last: its modules are those that ``import`` sees."""

    def __init__(self) -> None:
        self.script: Script | None = None
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """For ``import``: see ``Script.spec``."""
        return None if self.script is None else self.script.spec(name)

    def show(self, script: Script | None) -> None:
        """Make it the one whose modules are seen."""
        before = self.script
        if script is before:
            return
        if before is not None:
            before.modules = _taken(before.tops)
            sys.modules.update(before.hidden)
        self.script = script
        if script is not None:
            script.hidden = _taken(script.tops)
            sys.modules.update(script.modules)
            sys.argv[:] = [script.place]


def is_code(number: int) -> bool:
    """Whether it can be an exit code."""
    return -1 << _BITS <= number < 1 << _BITS


def _hash(copy: str, path: str) -> str:
    if not _HASH.fullmatch(copy):
        raise InvalidScript(f"{path}: expected the SHA-256 of a copy, not {copy}")
    return copy


def _taken(tops: set[str]) -> dict[str, ModuleType]:
    """All modules whose names begin so; they are no longer seen."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in tops}


@functools.lru_cache(maxsize=1024)
def _is_standard(name: str) -> bool:
    # 3.9 has no list of its modules, of which some are on other systems only.
    return (
        name in getattr(sys, "stdlib_module_names", sys.builtin_module_names)
        or PathFinder.find_spec(name, _STANDARD) is not None
    )


def _is_elsewhere(name: str) -> bool:
    return _is_standard(name) or PathFinder.find_spec(name) is not None


def _imports(path: str, source: bytes, package: str) -> list[str]:
    """The modules that a file imports, wherever in it, by their full names."""
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        text = f"{path}:{error.lineno or 1}:{error.offset or 1}: {error.msg}"
        raise InvalidScript(text) from error.with_traceback(None)
    except (ValueError, MemoryError, RecursionError) as error:
        raise InvalidScript(f"{path}:1:1: {error or type(error).__name__}") from error.with_traceback(None)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".") if package else []
            base = parents[: len(parents) - node.level + 1] if node.level else []
            base += [node.module] if node.module else []
            found += [".".join([*base, alias.name]) for alias in node.names if alias.name != "*"] or [".".join(base)]
    return [name for name in found if name]


def _entries(module: ModuleType) -> dict[str, Entry]:
    """The public functions that the module itself has and that take nothing or one text."""
    found: dict[str, Entry] = {}
    for name, value in vars(module).items():
        is_public = name != "main" and not name.startswith("_") and name.isascii() and len(name) <= LONGEST_ENTRY
        is_own = is_public and hasattr(value, "__code__") and getattr(value, "__module__", None) == module.__name__
        if is_own and _takes(value)[0] <= 1 and len(found) < MOST_ENTRIES:
            found[name] = Entry(value, is_main=False)
    return found


def _takes(function: Any) -> tuple[int, int]:
    """How many arguments a function needs at least, and takes at most, one text after the other."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    if code is None:
        return 0, 1
    most = code.co_argcount - (1 if hasattr(function, "__self__") else 0)
    needed = most - len(function.__defaults__ or ())
    without_default = code.co_kwonlyargcount - len(function.__kwdefaults__ or {})
    return needed + 2 * without_default, most + (1 if code.co_flags & VARIABLE_ARGUMENTS else 0)
