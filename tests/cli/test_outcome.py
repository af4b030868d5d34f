"""What one run gave, as an exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("body", "status"), [("return 0;", 0), ("return 1;", 1), ("return -1;", 1), ("throw null;", 2)]
)
def test_the_exit_status_is_0_for_true_1_for_false_and_2_for_no_result(tmp_path: Path, body: str, status: int) -> None:
    assert app_mono("exec", script(tmp_path, body), "-m", MESSAGE).returncode == status
