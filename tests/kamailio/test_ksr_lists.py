"""The lists of KEMI's functions say what the installed Kamailio says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import installed
from runner.ksr import functions, running
from tools.ksr import record

if TYPE_CHECKING:
    from runner.ksr.functions import Function

TOGETHER = 12
# They export nothing before the core's own settings name them: enable_tls, log_engine_type.
BY_SETTING = {"tls.so", "tls_wolfssl.so", "log_systemd.so"}
NOT_SAID = {"ktest"}  # KSR.ktest is there, but app_python.api_list leaves it out
# Of the package kamailio itself. When they do not start, it is this test that is wrong.
START = {"kex", "tm", "tmx", "sl", "pv", "rr", "htable", "dialog", "dispatcher", "usrloc", "registrar", "kemix"}


def test_the_list_has_what_the_installed_modules_export_and_nothing_else() -> None:
    known = functions.read(installed.version())
    listed = {file for each in known for file in each.files}
    modules = [name for name in record.modules() if f"{name}.so" in listed - BY_SETTING]
    said: set[Function] = set()
    failed: dict[str, str] = {}
    for start in range(0, len(modules), TOGETHER):
        found, why = record.exported_apart(modules[start : start + TOGETHER])
        said |= found
        failed |= why

    there, unknown = running.described(said, known)

    assert unknown == []
    assert {each.ret for each in said} <= {each.ret for each in known}
    rets = {(each.full_name, each.kinds): each.ret for each in said}
    assert all(rets.get((each.full_name, each.kinds), each.ret) == each.ret for each in there)
    started = {f"{name}.so" for name in modules} - {f"{name}.so" for name in failed}
    missing = {each for each in known if not each.files or started.intersection(each.files)} - set(there)
    assert {each.full_name for each in missing} == NOT_SAID
    assert failed.keys() & START == set()
