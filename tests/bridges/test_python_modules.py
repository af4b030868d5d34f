"""bridge/python: what a script imports from beside itself belongs to its build, and to no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError, ScriptInvalid
from tests.bridges.pythons import Python, python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Python]:
    with python(tmp_path) as started:
        yield started


def test_modules_and_packages_beside_the_script_are_found_before_anything_runs(worker: Python) -> None:
    worker.write("util.py", "import deep.inner\nfrom SR import PV\nVALUE = 1 + deep.inner.VALUE\n")
    worker.write("deep/__init__.py", "from . import inner\nfrom .other import *\n")
    worker.write("deep/inner.py", "from .other import VALUE as OTHER\nVALUE = 10 + OTHER\n")
    worker.write("deep/other.py", "VALUE = 100\n")
    worker.write("plain/sub.py", "VALUE = 1000\n")
    loads = worker.started.conversation.holdings.loads
    generation = worker.load("import util, json, plain.sub\ndef main(): return util.VALUE + plain.sub.VALUE\n")

    assert worker.run(generation).code == 1111
    found = {name for name, helper in generation.helpers.items() if helper}
    assert found == {"util.py", "deep/__init__.py", "deep/inner.py", "deep/other.py", "plain/sub.py"}
    assert not any(name.startswith(("json", "SR")) for name in generation.helpers), "these are never looked for"
    assert worker.started.conversation.holdings.loads - loads <= 5, "one look for each step into packages"


def test_two_scripts_may_have_modules_of_one_name(worker: Python) -> None:
    text = "import util\nimport importlib\ndef main(): return util.V + importlib.import_module('util').V\n"
    worker.write("a/util.py", "V = 1\n")
    worker.write("b/util.py", "V = 2\n")
    one, two = worker.load(text, "a/One.py"), worker.load(text, "b/Two.py")

    assert [worker.run(each).code for each in (one, two, one, two)] == [2, 4, 2, 4]


def test_a_new_build_has_new_modules(worker: Python) -> None:
    text = "import util\ndef main():\n    util.runs += 1\n    return util.runs\n"
    worker.write("util.py", "runs = 0\n")
    old = worker.load(text)
    assert [worker.run(old).code for _ in range(2)] == [1, 2]

    worker.write("util.py", "runs = 100\n")
    new = worker.load(text)

    assert worker.run(new).code == 101
    with pytest.raises(ScriptInvalid, match="expected a generation that is loaded"):
        worker.run(old)


def test_an_exec_that_is_fresh_keeps_the_modules(worker: Python) -> None:
    worker.write("util.py", "runs = 0\n")
    generation = worker.load("import util\nown = 0\ndef main():\n    util.runs += 1\n    return util.runs + own\n")

    assert [worker.run(generation, fresh=True).code for _ in range(3)] == [1, 2, 3]


def test_an_import_that_comes_up_as_the_top_level_runs_is_found_too(worker: Python) -> None:
    worker.write("plugin.py", "VALUE = 7\n")
    generation = worker.load("plugin = __import__('plug' + 'in')\ndef main(): return plugin.VALUE\n")

    assert worker.run(generation).code == 7


def test_an_import_that_comes_up_in_an_exec_is_asked_for_once(worker: Python) -> None:
    worker.write("plugin.py", "VALUE = 7\n")
    generation = worker.load(
        "def main():\n"
        "    try: __import__('not_' + 'there')\n"
        "    except ModuleNotFoundError: pass\n"
        "    return __import__('plug' + 'in').VALUE\n"
    )

    assert [worker.run(generation).code for _ in range(2)] == [7, 7]
    worker.write("plugin.py", "VALUE = 8\n")
    assert worker.run(generation).code == 7, "what was found belongs to the build"


def test_a_module_that_can_be_missing_may_be_tried(worker: Python) -> None:
    generation = worker.load("try:\n    import util\nexcept ImportError:\n    util = None\ndef main(): return 0\n")

    assert worker.run(generation).code == 0


def test_a_module_of_a_package_is_never_read_from_the_disk(worker: Python) -> None:
    worker.write("deep/__init__.py", "")
    generation = worker.load("import deep\ndef main():\n    import importlib\n    import deep.late\n    return 0\n")
    worker.write("deep/late.py", "VALUE = 1\n")

    with pytest.raises(ScriptError, match="No module named 'deep\\.late'"):
        worker.run(generation)


def test_an_error_in_a_module_names_its_file_and_line(worker: Python) -> None:
    worker.write("util.py", "def f(:\n")
    with pytest.raises(ScriptInvalid, match=r"util\.py:1:7: invalid syntax"):
        worker.load("import util\ndef main(): return 0\n")

    worker.write("util.py", "def f():\n    raise KeyError('x')\n")
    generation = worker.load("import util\ndef main(): util.f()\n")
    with pytest.raises(ScriptError) as error:
        worker.run(generation)
    assert f'File "{worker.scripts}/util.py", line 2, in f' in error.value.detail


def test_modules_of_the_standard_library_are_not_replaced_and_classes_of_modules_can_be_pickled(worker: Python) -> None:
    worker.write("json.py", "raise SystemError\n")
    worker.write(
        "util.py",
        "from __future__ import annotations\n"
        "from dataclasses import dataclass, InitVar\n"
        "@dataclass\nclass Point:\n    x: InitVar[int] = 0\n    y: int = 0\n",
    )
    generation = worker.load(
        "import json, pickle, util\n"
        "def main(): return json.loads('1') + pickle.loads(pickle.dumps(util.Point(1, 2))).y\n"
    )

    assert worker.run(generation).code == 3


def test_a_relative_import_of_a_script_is_an_error_of_python(worker: Python) -> None:
    worker.write("util.py", "")

    with pytest.raises(ScriptInvalid, match="ImportError: attempted relative import with no known parent package"):
        worker.load("from . import util\ndef main(): return 0\n")
