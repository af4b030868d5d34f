"""
What names stand for in a configuration: ``#!define`` and ``#!substdef``, ``#!subst``, and the arguments made of them.

Must not know which functions are called. Kamailio 5.6.3: core/ppcfg.c and core/cfg.lex.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tokens import definition, is_mark, line_of, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .tokens import Token

DEEPEST = 8  # names within names; a definition that refers to itself ends here


class Unclear(Exception):
    """Why the value of an argument is not known."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a string: its value in each branch, and the name that stands for it, "" when it is written out."""

    values: tuple[str, ...]
    name: str = ""


@dataclass(slots=True)
class Names:
    """Everything that ``#!define``, ``#!substdef`` and ``#!subst`` say in the files that were read."""

    sources: dict[str, set[str]] = field(default_factory=dict)
    """The text behind each name, one for each branch that defines it."""
    from_environment: set[str] = field(default_factory=set)
    """Names whose value only the environment knows."""
    rules: list[tuple[str, Callable[[str], str]]] = field(default_factory=list)
    """The replacements that Kamailio makes in every string, in order, with their source."""
    unread_rules: list[tuple[int, str]] = field(default_factory=list)
    """Line and source of rules that are not understood."""

    def read(self, text: str, found: Sequence[Token]) -> None:
        """Take what one file defines."""
        for index, token in enumerate(found):
            if token.kind == "define":
                start, end = definition(text, token)
                if token.how == "defenv":
                    self.from_environment.add(token.value)
                elif end > start:
                    self.sources.setdefault(token.value, set()).add(text[start:end].replace("\\\n", ""))
            elif token.kind == "subst" and index + 1 < len(found) and found[index + 1].kind == "string":
                self._rule(token, found[index + 1], line_of(text, token.start))

    def _rule(self, token: Token, string: Token, line: int) -> None:
        rule = self.replaced(string.value)  # Kamailio replaces in every string, in that of a rule as well
        parts = re.split(rf"(?<!\\){re.escape(rule[:1])}", rule[1:]) if rule else []
        if len(parts) != 3 or "$" in parts[1]:  # noqa: PLR2004 - /pattern/replacement/flags
            self.unread_rules.append((line, rule))
            return
        pattern, replacement, flags = parts
        try:
            compiled = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
        except re.error:
            self.unread_rules.append((line, rule))
            return
        plain = re.sub(r"\\(\D)", r"\1", replacement)

        def put(match: re.Match[str]) -> str:
            return re.sub(r"\\(\d)", lambda group: match[int(group[1])], plain)

        self.rules.append((rule, lambda value: compiled.sub(put, value, count=0 if "g" in flags else 1)))
        if token.how != "subst":
            text = f'"{plain}"' if token.how == "substdefs" else plain
            self.sources.setdefault(pattern, set()).add(text)

    def replaced(self, value: str) -> str:
        """What the ``#!subst`` rules make of a string."""
        for _, rule in self.rules:
            value = rule(value)
        return value

    def pieces(self, text: str, argument: Sequence[Token]) -> list[Piece]:
        """
        The parts of a constant argument: strings and names, added with ``+``.

        Raises:
            Unclear: It is not a constant string, or the value of a name is not known.
        """
        argument = [token for token in argument if token.kind != "comment"]
        while len(argument) > 1 and is_mark(argument[0], "(") and is_mark(argument[-1], ")"):
            argument = argument[1:-1]
        if not argument:
            raise Unclear("expected a string, got nothing")
        found: list[Piece] = []
        for index, token in enumerate(argument):
            if index % 2:
                if not is_mark(token, "+"):
                    raise Unclear(f"expected strings added with +, got {text[token.start : token.end]!r}")
            else:
                found.append(self._piece(token))
        if len(argument) % 2 == 0:
            raise Unclear("expected a string after the last +")
        return found

    def _piece(self, token: Token) -> Piece:
        if token.kind == "string":
            return Piece((token.value,))
        if token.kind == "variable":
            raise Unclear(
                f"Kamailio 5.6 refuses an argument that is not constant ({token.value}); "
                f'written as a string it is accepted: "{token.value}"'
            )
        if token.kind == "word" and token.value.isdecimal():
            return Piece((token.value,))
        if token.kind != "word":
            raise Unclear(f"expected a string, got {token.value!r}")
        return Piece(tuple(sorted(self._values(token.value))), token.value)

    def _sources(self, name: str) -> set[str]:
        if name in self.from_environment:
            raise Unclear(f"{name} comes from the environment: write its value here")
        if name not in self.sources:
            raise Unclear(f"{name} is not defined in the files that were read; --follow reads included files as well")
        return self.sources[name]

    def _values(self, name: str, depth: int = 0) -> set[str]:
        if depth > DEEPEST:
            raise Unclear(f"{name} is defined by itself")
        values: set[str] = set()
        for source in self._sources(name):
            match [token for token in tokens(source) if token.kind != "comment"]:
                case [token] if token.kind == "string" or token.value.isdecimal():
                    values.add(token.value)
                case [token] if token.kind == "word":
                    values |= self._values(token.value, depth + 1)
                case _:
                    raise Unclear(f"expected {name} to stand for one string, but it stands for {source}")
        return values
