"""
pyproject's build hook: the lane in C goes into the package where it can be built, and the wheel is pure where not.

``APP_MONO_LANE=python`` asks for a pure wheel.
"""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LANE = Path("runner") / "lane"


class LaneHook(BuildHookInterface):  # type: ignore[type-arg]  # it has no settings
    """Builds ``runner/lane/_lane.abi3.so``, also for an editable installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # the hook's own signature
        """Build it; without it the wheel is as it would be without this hook."""
        folder = Path(self.root) / LANE
        spec = importlib.util.spec_from_file_location("building", folder / "building.py")
        assert spec is not None  # noqa: S101  # it ends in .py
        assert spec.loader is not None  # noqa: S101  # the same
        building = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(building)
        if os.environ.get("APP_MONO_LANE") == "python":
            return
        if reason := building.ensure(folder):
            self.app.display_info(f"The lane in C is left out: {reason}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(f"/{LANE / building.LIBRARY}")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform}"
