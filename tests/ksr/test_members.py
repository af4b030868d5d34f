"""runner.ksr.members: the functions of several lists, each once, by their modules."""

from __future__ import annotations

from runner.ksr import functions
from runner.ksr.members import collected, load

LISTS = {
    "5.6": "int tm.t_relay()  tm.so\nint a.f(str x)  a.so\nnone info(str txt)\nvoid x.exit()\n",
    "6.0": "int a.f(str x)  a.so\nint a.f(int n)  b.so\n",
}


def test_a_function_of_several_versions_is_one_member_that_names_them() -> None:
    modules = collected(
        {version: functions.parse(text) for version, text in LISTS.items()},
        is_refused=lambda name: name == "tm.t_relay",
    )

    assert [(module.name, sorted(module.files)) for module in modules] == [
        ("", []),
        ("a", ["a.so", "b.so"]),
        ("tm", ["tm.so"]),
    ]
    assert [[(member.signature, member.remarks) for member in module.members] for module in modules] == [
        [("none KSR.info(str txt)", "In Kamailio 5.6.")],
        [("int KSR.a.f(int n)", "In Kamailio 6.0."), ("int KSR.a.f(str x)", "In Kamailio 5.6 and 6.0.")],
        [("int KSR.tm.t_relay()", "In Kamailio 5.6. Refused unless the setting ksr_allow names it.")],
    ]


def test_what_has_to_be_loaded_is_named_in_the_form_of_the_language() -> None:
    assert load({"b.so", "a.so"}, "<{}>") == "<a.so> or <b.so>"
    assert load((), "<{}>") == ""
