"""Selects of the configuration that can change at run time: ``cfg_get.core.debug`` (core/cfg/cfg_select.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.select import ANY, ROOT, Names, Selection
from runner.hosts.embedded.pv.settings import SETTINGS
from runner.hosts.embedded.value import CannotEvaluate

from .nameaddr import NAMEADDR, PARAMS
from .uri import URI

if TYPE_CHECKING:
    from runner.hosts.embedded.pv.select import Name


def _group(name: Name) -> dict[bytes, bytes | None]:
    found = None if isinstance(name, int) else SETTINGS.get(name)
    if found is None:
        raise CannotEvaluate(f"no group of settings {name!r}")
    return found


def _parse_setting(names: Names) -> bytes | None:
    """The value of the setting: nothing changes it here."""
    group, name = _group(names[1]), names[2]
    value = None if isinstance(name, int) else group.get(name)
    if value is None:
        raise CannotEvaluate(f"no setting {name!r} that can be read")
    return value or None


def _value(selection: Selection) -> bytes | None:
    return None if selection.parsed is None else bytes(selection.parsed)


_setting = ROOT.add("cfg_get", takes=bytes).add(ANY, _value, _parse_setting)
_setting.nest(NAMEADDR, "nameaddr")
_setting.nest(URI, "uri")
_setting.nest(PARAMS)
# The instance of the group: there is no other than the default, which has no number.
ROOT.add("cfg_selected", lambda _: b"", lambda names: _group(names[1]), takes=bytes)
