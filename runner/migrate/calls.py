"""
``mono_exec`` and ``mono_run`` as ``python_exec``: one argument in which path and parameter arrive as before.

Must not know files or modules.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from .literals import directory_of, has_variable, inside_quotes, literal, needs_quotes, quoted
from .names import Names, Piece, Unclear
from .tokens import is_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tokens import Token

CALLS = {"mono_exec": (1, 2), "mono_run": (0, 1)}
"""The functions, and how many arguments each takes: fewest, most."""
SPECIAL = re.compile(r"[\"\\]")

Edits = list[tuple[int, int, str]]


def translate(text: str, name: Token, rest: Sequence[Token], names: Names) -> tuple[Edits, list[str]]:
    """
    The change of one call.

    Args:
        text: The file.
        name: The word ``mono_exec`` or ``mono_run``.
        rest: The tokens after it.
        names: What the configuration defines.

    Returns:
        The places to change, and the paths that the call may name.

    Raises:
        Unclear: The call cannot be translated; the text says why.
    """
    opening, arguments, commas = _arguments(rest)
    fewest, most = CALLS[name.value]
    if not fewest <= len(arguments) <= most:
        wanted = f"{fewest} or {most} arguments"
        raise Unclear(f"expected {wanted}, got {len(arguments)}")
    edits: Edits = [(name.start, name.end, "python_exec")]
    separator = "" if not arguments else "," if text[opening.end] in "\r\n" else ", "
    edits.append((opening.end, opening.end, f'"{name.value}"{separator}'))
    if name.value == "mono_run":
        return edits, []
    path = names.pieces(text, arguments[0])
    param = names.pieces(text, arguments[1]) if len(arguments) > 1 else None
    edits += _fused(text, arguments, commas, one_argument(path, param, names, _quote(arguments[0])))
    return edits, [names.replaced("".join(values)) for values in product(*(piece.values for piece in path))]


def one_argument(path: Sequence[Piece], param: Sequence[Piece] | None, names: Names, quote: str = '"') -> str:
    """
    The source of ``PATH[ PARAM]``.

    Raises:
        Unclear: A name's value would have to be quoted and is not the same in every branch, or a ``#!subst`` rule
            changes the one string differently than the two.
    """
    every = ["".join(values) for values in product(*(piece.values for piece in path))]
    in_quotes = any(needs_quotes(value) or needs_quotes(names.replaced(value)) for value in every)
    parts = [Piece(('"',)), *(_in_quotes(piece) for piece in path), Piece(('"',))] if in_quotes else list(path)
    if param is not None:
        parts += [Piece((" ",)), *param]
    joined = _joined(parts)
    if names.rules:
        _check_rules(joined, path, param, names, in_quotes=in_quotes)
    sources = [piece.name or literal(piece.values[0], quote) for piece in joined]
    return " + ".join(sources)


def _in_quotes(piece: Piece) -> Piece:
    """A part of a path as it stands in quotes; a name stays one when its value needs no backslash."""
    if not piece.name:
        return Piece((inside_quotes(piece.values[0]),))
    if any(SPECIAL.search(value) or has_variable(value) for value in piece.values):
        if len(piece.values) > 1:
            raise Unclear(f"{piece.name} has several values that need quoting: write each out here")
        return Piece((inside_quotes(piece.values[0]),))
    return piece


def _joined(parts: Sequence[Piece]) -> list[Piece]:
    """The same parts, with neighbours that are written out put together."""
    joined: list[Piece] = []
    for piece in parts:
        if joined and not piece.name and not joined[-1].name:
            joined[-1] = Piece((joined[-1].values[0] + piece.values[0],))
        else:
            joined.append(piece)
    return joined


def _check_rules(
    joined: Sequence[Piece], path: Sequence[Piece], param: Sequence[Piece] | None, names: Names, *, in_quotes: bool
) -> None:
    def values(pieces: Sequence[Piece]) -> list[str]:
        return ["".join(each) for each in product(*(map(names.replaced, piece.values) for piece in pieces))]

    paths = [quoted(value) if in_quotes else value for value in values(path)]
    expected = paths if param is None else [f"{first} {second}" for first, second in product(paths, values(param))]
    if set(expected) != set(values(joined)):
        raise Unclear("a #!subst rule would change path and parameter in one string differently than in two")


def directories(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The directories of scripts, each once, and the paths whose directory is not known."""
    found: list[str] = []
    unclear: list[str] = []
    for path in paths:
        directory = directory_of(path)
        if directory is None:
            unclear.append(path)
        elif directory not in found:
            found.append(directory)
    return found, unclear


def _quote(argument: Sequence[Token]) -> str:
    return next((token.how for token in argument if token.kind == "string"), '"')


def _arguments(rest: Sequence[Token]) -> tuple[Token, list[list[Token]], list[Token]]:
    """The opening parenthesis, each argument's tokens with comments, and the commas."""
    code = [token for token in rest[:40] if token.kind != "comment"]
    if not code or not is_mark(code[0], "("):
        raise Unclear("expected a parenthesis after it; a name that stands for a function is not followed")
    opening = code[0]
    arguments: list[list[Token]] = [[]]
    commas: list[Token] = []
    depth = 0
    for token in rest[rest.index(opening) :]:
        if is_mark(token, "("):
            depth += 1
            if depth == 1:
                continue
        elif is_mark(token, ")"):
            depth -= 1
            if depth == 0:
                break
        elif is_mark(token, ",") and depth == 1:
            arguments.append([])
            commas.append(token)
            continue
        elif token.kind == "condition":
            raise Unclear("there is a preprocessor condition between its parentheses")
        arguments[-1].append(token)
    else:
        raise Unclear("its parenthesis is not closed")
    if len(arguments) == 1 and all(token.kind == "comment" for token in arguments[0]):
        arguments = []
    return opening, arguments, commas


def _fused(text: str, arguments: Sequence[Sequence[Token]], commas: Sequence[Token], source: str) -> Edits:
    """Put one argument in the place of the first and remove the other; comments between them stay."""
    code = [[token for token in argument if token.kind != "comment"] for argument in arguments]
    start, end = code[0][0].start, code[-1][-1].end
    inside = [token for argument in arguments for token in argument if token.kind == "comment"]
    if not any(start < token.start < end for token in inside):
        return [(start, end, source)] if text[start:end] != source else []
    gone = [*code[0][1:], *commas, *(token for argument in code[1:] for token in argument)]
    return [(code[0][0].start, code[0][0].end, source), *((token.start, token.end, "") for token in gone)]
