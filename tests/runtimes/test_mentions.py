"""runtimes.mentions: whether a script refers to a file beside it."""

from __future__ import annotations

import io
import zipfile

import pytest

from runner.runtimes import mentions


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("util.py", "import util"),
        ("lib/x.py", "from lib import x"),
        ("lib/__init__.py", "import lib"),
        ("lib/x.js", 'require("./lib/x")'),
        ("lib/index.js", 'require("./lib")'),
        ("lib/package.json", 'require("./lib")'),
        ("table.min.js", "import './table.min.js'"),
        ("org/Helper.class", "\x01\x00\x0aorg/Helper"),
        ("größe.py", "import größe"),
    ],
)
def test_a_file_that_a_source_names(name: str, text: str) -> None:
    assert mentions.in_text([name], text.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("secret.py", "import util"),
        ("lib/secret.py", "from lib import x"),
        ("secret/x.py", "from lib import x"),
        ("index.js", "index"),
        ("", "import util"),
        ("\ud800.py", "import util"),
    ],
)
def test_a_file_that_merely_lies_there(name: str, text: str) -> None:
    assert not mentions.in_text([name], text.encode())


def jar(manifest: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("META-INF/MANIFEST.MF", manifest)
    return made.getvalue()


def test_a_jar_names_another_one_in_its_manifest_also_where_the_line_is_continued() -> None:
    data = jar("Manifest-Version: 1.0\r\nClass-Path: lib/helper.jar lib/a-long-na\r\n me.jar\r\n")

    assert mentions.in_text(["lib/helper.jar"], data)
    assert mentions.in_text(["lib/a-long-name.jar"], data)
    assert not mentions.in_text(["lib/secret.jar"], data)
    assert not mentions.in_text(["helper.jar"], data[:-30])  # cut short: nothing can be read


def test_a_jar_that_grows_without_end_is_read_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentions, "MOST_BYTES", 100)

    assert not mentions.in_text(["helper.jar"], jar(" " * 100 + "helper.jar"))
    assert mentions.in_text(["helper.jar"], jar("helper.jar" + " " * 100))


def test_an_assembly_has_simple_names_with_a_nul_or_in_utf_16() -> None:
    data = b"..\0Helper\0NotAll.." + "Plugin".encode("utf-16-le")

    assert mentions.in_assembly(("Helper", "Help", "NotAll", "Plugin"), data) == {"Helper", "Plugin"}
