"""runner.migrate.calls: a call becomes one with one argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrate.configurations import call

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mono_run()", 'python_exec("mono_run")'),
        ('mono_run("$rU x")', 'python_exec("mono_run", "$rU x")'),
        ("mono_run($var(x))", 'python_exec("mono_run", $var(x))'),
        ('mono_run("a" + $var(x))', 'python_exec("mono_run", "a" + $var(x))'),
        ("mono_run ( /* none */ )", 'python_exec ("mono_run" /* none */ )'),
        ('mono_exec("/a/x.exe")', 'python_exec("mono_exec", "/a/x.exe")'),
        ("mono_exec('/a/x.exe')", "python_exec(\"mono_exec\", '/a/x.exe')"),
        ('mono_exec("/a/x.exe", "p q")', 'python_exec("mono_exec", "/a/x.exe p q")'),
        ('mono_exec("/a/x.exe", "")', 'python_exec("mono_exec", "/a/x.exe ")'),
        ('mono_exec("/a/x.exe", " $ru")', 'python_exec("mono_exec", "/a/x.exe  $ru")'),
        ('mono_exec("/a/x.exe", "\\"q\\"")', "python_exec(\"mono_exec\", '/a/x.exe \"q\"')"),
        ('mono_exec("/a/x.exe", "\'\\"")', 'python_exec("mono_exec", "/a/x.exe \'\\"")'),
        ('mono_exec("/a/x.exe", "a\\tb")', 'python_exec("mono_exec", "/a/x.exe a\\tb")'),
        ('mono_exec("/a/x.exe", 5)', 'python_exec("mono_exec", "/a/x.exe 5")'),
        ('mono_exec(("/a/x.exe"), ("p"))', 'python_exec("mono_exec", "/a/x.exe p")'),
        ('mono_exec("/a/" + "x.exe", "p" "q")', 'python_exec("mono_exec", "/a/x.exe pq")'),
        ('mono_exec("/a b/x.exe", "p")', "python_exec(\"mono_exec\", '\"/a b/x.exe\" p')"),
        ('mono_exec("/a/q\\"\\\\.exe")', 'python_exec("mono_exec", \'"/a/q\\"\\\\.exe"\')'),
        ('mono_exec("")', "python_exec(\"mono_exec\", '\"\"')"),
        ('mono_exec("/a/$(rd).exe")', "python_exec(\"mono_exec\", '\"/a/$(rd{s.escape.common}).exe\"')"),
        (
            'mono_exec("/a/$(rd{s.len})$var(x)", "$rU")',
            "python_exec(\"mono_exec\", '\"/a/$(rd{s.len}{s.escape.common})$(var(x){s.escape.common})\" $rU')",
        ),
        ('mono_exec("/a/$$x.exe", "p")', 'python_exec("mono_exec", "/a/$$x.exe p")'),
        (
            'if(!mono_exec("/x") || mono_run()==1) exit',
            'if(!python_exec("mono_exec", "/x") || python_exec("mono_run")==1) exit',
        ),
    ],
)  # fmt: skip
def test_a_call_is_translated(tmp_path: Path, old: str, new: str) -> None:
    assert call(tmp_path, old) == new


def test_comments_between_the_arguments_stay(tmp_path: Path) -> None:
    new = call(tmp_path, 'mono_exec( # why\n "/a/x.exe", # path\n "$ru" /* param */ )')

    assert " ".join(new.split()) == 'python_exec("mono_exec", # why "/a/x.exe $ru" # path /* param */ )'
