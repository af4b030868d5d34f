"""
Calls that already use app_python3 and have data in a path without quotes: a blank in the data ends the path.

Must not change anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .literals import has_variable, literal, quoted
from .sources import Finding
from .tokens import is_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .names import Names
    from .sources import Source
    from .tokens import Token

CALLS = frozenset({"python_exec", "app_python3s_exec"})
ARGUMENTS = 4  # after the opening parenthesis: the method, a comma, its argument, and what follows


def unquoted(sources: Sequence[Source], names: Names) -> list[Finding]:
    """What an operator should quote: each place, and the safe call."""
    return [
        Finding(source.path, source.line(token.start), text, is_open=False)
        for source in sources
        for index, token in enumerate(source.tokens)
        if token.kind == "word" and token.value in CALLS and (text := _advice(token, source.tokens[index + 1 :], names))
    ]


def _advice(call: Token, after: Sequence[Token], names: Names) -> str:
    code = [token for token in after[: 4 * ARGUMENTS] if token.kind != "comment"][: ARGUMENTS + 1]
    match code:
        case [opening, method, comma, argument, *_] if (
            is_mark(opening, "(") and is_mark(comma, ",") and method.kind == argument.kind == "string"
        ):
            path, blank, param = names.replaced(argument.value).partition(" ")
            if names.replaced(method.value) == "mono_exec" and not path.startswith('"') and has_variable(path):
                safe = literal(f"{quoted(path)}{blank}{param}")
                return f'a blank in the data ends the path; write {call.value}("mono_exec", {safe})'
    return ""
