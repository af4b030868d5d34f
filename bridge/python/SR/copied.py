"""How a module is loaded from its copy."""

from __future__ import annotations

import functools
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType


class Copied(SourceFileLoader):
    """Loads a module from its copy; in its stack traces it lies where it really is, by ``__file__`` at ``place``."""

    def __init__(self, name: str, place: str, real: str, source: bytes) -> None:
        super().__init__(name, place)
        self._real = real
        self._source = source

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002 - as importlib calls it
        """The copy, whatever is at ``path``."""
        return self._source

    @functools.cached_property
    def _code(self) -> CodeType:
        return compile(self._source, self._real, "exec", dont_inherit=True)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - as importlib calls it
        """The compiled module, once."""
        return self._code
