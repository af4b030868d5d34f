"""runner.runtimes.checks: what cannot be a script, by its bytes. Assemblies are in tests/scripts/test_files.py."""

from __future__ import annotations

import io
import zipfile

import pytest

from runner.errors import ScriptInvalid
from runner.runtimes.checks import check_java, check_text


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as jar:
        jar.writestr("X.class", b"x" * 1000)
    return data.getvalue()


@pytest.mark.parametrize("data", [b"", b" \n\t\n"])
def test_a_source_with_nothing_in_it_is_being_written(data: bytes) -> None:
    with pytest.raises(ScriptInvalid, match=r"x\.py: is not complete: it is empty"):
        check_text("x.py", data)


def test_what_has_a_text_is_judged_by_its_worker() -> None:
    check_text("x.py", b"def")
    check_java("X.java", b"class")
    check_java("X.class", b"\xca\xfe\xba\xbe")
    check_java("X.jar", archive())


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("X.jar", archive()[:-10], "is not complete, or is not a .jar"),
        ("X.jar", b"", "is not complete, or is not a .jar"),
        ("X.class", b"\xca\xfe", "is not complete: it has 2 bytes"),
        ("X.class", b"MZ90", "is not a Java class: expected b'\\xca\\xfe\\xba\\xbe' at its start, got b'MZ90'"),
        ("X.java", b"", "is not complete: it is empty"),
    ],
)
def test_what_is_cut_short_or_something_else_is_said(path: str, data: bytes, told: str) -> None:
    with pytest.raises(ScriptInvalid) as caught:
        check_java(path, data)

    assert str(caught.value).startswith(f"{path}: {told}")
