"""
What of a configuration has to change when ``app_mono`` gives way to ``app_python3``.

Must not read or write a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .calls import CALLS, translate
from .daemon_settings import quoted_value
from .literals import has_variable, literal
from .names import Names, Unclear
from .sources import Finding, Source
from .tokens import definition, is_mark, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .tokens import Token

OLD, NEW = "app_mono", "app_python3"
OLD_DEFINE, NEW_DEFINE = f"MOD_{OLD}", f"MOD_{NEW}"
LOADS = {"loadmodule", "loadmodulex"}
PARAMETERS = {"modparam", "modparamx"}
SCRIPT_PARAMETERS = {"load", "script_name"}

Branch = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Edit:
    """``text[start:end]`` becomes ``text``."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class Wanted:
    """What the old configuration asked of app_mono, for the daemon's settings."""

    loads: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Loaded:
    """Where app_python3 is loaded, and with which script of the site."""

    places: list[tuple[Source, Token, Branch]] = field(default_factory=list)
    own_scripts: list[tuple[Source, Token, str]] = field(default_factory=list)


class Change:
    """
    The change of all files of one configuration.

    Args:
        sources: The files, in the order they are read.
        names: What they define.
        script: ``app_mono.py``, which app_python3 is to load.
        config: Where the daemon's settings will lie.
    """

    def __init__(self, sources: Sequence[Source], names: Names, script: Path, config: Path) -> None:
        self.findings: list[Finding] = []
        self.wanted = Wanted()
        self.calls = 0
        self._names = names
        self._script = script
        self._config = config
        self._edits: dict[Path, list[Edit]] = {source.path: [] for source in sources}
        self._loaded = self._find_loaded(sources)
        self._has_script_line: set[Branch] = set()
        for source in sources:
            self._read(source)
        for line, rule in names.unread_rules:
            self._tell(sources[0], f"#!subst {rule} is not understood: check what it changes", line, is_open=False)

    def changed(self, source: Source) -> str:
        """A file's new text."""
        text = source.text
        for edit in sorted(self._edits[source.path], key=lambda edit: (edit.start, edit.end), reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def _tell(self, source: Source, text: str, line: int, *, is_open: bool = True) -> None:
        self.findings.append(Finding(source.path, line, text, is_open))

    def _edit(self, source: Source, start: int, end: int, text: str) -> None:
        self._edits[source.path].append(Edit(start, end, text))

    def _find_loaded(self, sources: Sequence[Source]) -> Loaded:
        loaded = Loaded()
        for source in sources:
            for index, token, branch in _with_branches(source.tokens):
                after = _code(source.tokens, index)
                if token.value in LOADS and after and _module(self._names.replaced(after[0].value)) == NEW:
                    loaded.places.append((source, after[0], branch))
                elif token.value in PARAMETERS and (parameter := _parameter(after)) is not None:
                    module, name, value, _ = parameter
                    if module.value == NEW and name.value in SCRIPT_PARAMETERS:
                        loaded.own_scripts.append((source, token, value.value))
        return loaded

    def _read(self, source: Source) -> None:
        for index, token, branch in _with_branches(source.tokens):
            if token.kind == "unread" and re.search(r"mono_(exec|run)|app_mono", token.value):
                self._tell(source, "this branch is not configuration and is left unchanged", source.line(token.start))
            elif token.kind == "condition" and token.value == OLD_DEFINE:
                start = source.text.index(OLD_DEFINE, token.start)
                self._edit(source, start, start + len(OLD_DEFINE), NEW_DEFINE)
            elif token.kind == "define":
                self._definition(source, token)
            elif token.kind == "word":
                self._word(source, index, branch)

    def _word(self, source: Source, index: int, branch: Branch) -> None:
        token = source.tokens[index]
        after = _code(source.tokens, index)
        if token.value in LOADS and after and after[0].kind == "string":
            self._load(source, token, after[0], branch)
        elif token.value in PARAMETERS:
            self._set(source, token, after)
        elif token.value in CALLS:
            self._call(source, token, source.tokens[index + 1 :])

    def _definition(self, source: Source, token: Token) -> None:
        """Translate calls in the value of a name. Anything else that stands for a call is left to the operator."""
        found = list(tokens(source.text, *definition(source.text, token)))
        for index, inner in enumerate(found):
            if inner.kind == "word" and inner.value in CALLS:
                self._call(source, inner, found[index + 1 :])
            elif inner.kind == "string" and _module(inner.value) == OLD:
                self._edit(source, inner.start, inner.end, literal(_renamed(inner.value), inner.how))

    def _call(self, source: Source, token: Token, rest: list[Token]) -> None:
        try:
            edits, paths = translate(source.text, token, rest, self._names)
        except Unclear as reason:
            self._tell(source, f"{token.value}: {reason}", source.line(token.start))
            return
        self.calls += 1
        for start, end, text in edits:
            self._edit(source, start, end, text)
        self.wanted.paths += paths

    def _load(self, source: Source, token: Token, module: Token, branch: Branch) -> None:
        if _module(module.value) != OLD:
            if _module(self._names.replaced(module.value)) == OLD:
                self._tell(
                    source,
                    "a #!subst rule makes this app_mono: let it make app_python3",
                    source.line(token.start),
                )
            return
        other = next(
            (place for place in self._loaded.places if place[2] == branch[: len(place[2])]),
            None,
        )
        if self._loaded.own_scripts:
            self._tell_own_script()
        if other is None:
            self._edit(source, module.start, module.end, literal(_renamed(module.value), module.how))
            if not self._loaded.own_scripts:
                self._add_script_line(source, module)
            return
        self._edit(source, token.start, module.end, "# app_mono: replaced by app_python3, which is already loaded")
        if not self._loaded.own_scripts and other[2] not in self._has_script_line:
            self._has_script_line.add(other[2])
            self._add_script_line(other[0], other[1])

    def _add_script_line(self, source: Source, module: Token) -> None:
        """Add a line below the one that loads the module."""
        line_start = source.text.rfind("\n", 0, module.start) + 1
        indent = re.match(r"[ \t]*", source.text[line_start:])
        line = f'{indent[0] if indent else ""}modparam("{NEW}", "load", {literal(str(self._script))})'
        rest = source.text[module.end :].partition("\n")[0]
        if re.fullmatch(r"[ \t\r;]*((#|//).*)?", rest):
            end = module.end + len(rest.removesuffix("\r"))
            self._edit(source, end, end, source.newline + line)
        else:
            self._edit(source, module.end, module.end, source.newline + line + source.newline)

    def _tell_own_script(self) -> None:
        source, token, own = self._loaded.own_scripts[0]
        if any(finding.file == source.path and own in finding.text for finding in self.findings):
            return
        self._tell(
            source,
            f"app_python3 already loads {own}, and takes one script only. In that script write: "
            f"import sys; sys.path.append({str(self._script.parent)!r}); import app_mono; "
            "and let the class of the object that mod_init returns inherit from app_mono.Methods",
            source.line(token.start),
        )

    def _set(self, source: Source, token: Token, after: list[Token]) -> None:
        parameter = _parameter(after)
        if parameter is None:
            return
        module, name, value, close = parameter
        line = source.line(token.start)
        if module.value.lower() != OLD:
            if _matches(module.value):
                self._tell(
                    source,
                    f"{module.value!r} means app_mono as well: write one modparam a module",
                    line,
                )
            return
        if name.value != "load":
            self._tell(source, f"app_mono's parameter {name.value!r} is unknown: remove the line", line)
            return
        path = self._script_to_load(source, value, line)
        if path and path not in self.wanted.loads:
            self.wanted.loads.append(path)
            if len(self.wanted.loads) > 1:
                self._tell(source, "a second script to load: the daemon loads one; use mono_exec for the other", line)
        remark = f"app_mono's script to load is set in {self._config}"
        remark += f": load = {quoted_value(path)}" if path else ""
        rest = source.text[close.end :].partition("\n")[0].strip(" \t\r;")
        alone = not rest or rest.startswith(("#", "//"))
        self._edit(source, token.start, close.end, f"# {remark}" if alone else f"/* {remark.replace('*/', '')} */")

    def _script_to_load(self, source: Source, value: Token, line: int) -> str:
        """The script of a ``modparam``; "" when the operator has to set it."""
        try:
            values = self._names.pieces(source.text, [value])[0].values
        except Unclear as reason:
            self._tell(source, f"load: {reason}; set it in {self._config}", line)
            return ""
        path = self._names.replaced(values[0])
        if len(values) == 1 and path and not has_variable(path):
            return path
        said = source.text[value.start : value.end]
        self._tell(source, f"load: it is not clear which script {said} means; set it in {self._config}", line)
        return ""


def _with_branches(found: Sequence[Token]) -> list[tuple[int, Token, Branch]]:
    """Each token with the branches of conditions around it, outermost first: the condition, 0 for if or 1 for else."""
    placed, stack, count = [], [], 0
    for index, token in enumerate(found):
        if token.kind == "condition":
            if token.how in {"ifdef", "ifndef", "ifexp"}:
                count += 1
                stack.append((count, 0))
            elif token.how == "else" and stack:
                stack[-1] = (stack[-1][0], 1)
            elif token.how == "endif" and stack:
                stack.pop()
        placed.append((index, token, tuple(stack)))
    return placed


def _code(found: Sequence[Token], index: int) -> list[Token]:
    """The few tokens after one, without comments."""
    return [token for token in found[index + 1 : index + 40] if token.kind != "comment"][:8]


def _parameter(after: Sequence[Token]) -> tuple[Token, Token, Token, Token] | None:
    """Module, name, value and closing parenthesis of a ``modparam``."""
    match after[:7]:
        case [opening, module, comma, name, second, value, closing] if (
            all(map(is_mark, (opening, comma, second, closing), "(,,)")) and module.kind == name.kind == "string"
        ):
            return module, name, value, closing
    return None


def _module(value: str) -> str:
    """The module that ``loadmodule`` means: with or without path and extension."""
    return value.rpartition("/")[2].removesuffix(".so")


def _renamed(value: str) -> str:
    """``.../app_mono/app_mono.so`` with the new module's name."""
    return re.sub(rf"(^|/){OLD}(?=/|\.so$|$)", rf"\1{NEW}", value)


def _matches(pattern: str) -> bool:
    """Whether a modparam's module, which is a pattern to Kamailio, means app_mono."""
    try:
        return re.fullmatch(pattern, OLD, re.IGNORECASE) is not None
    except re.error:
        return False
