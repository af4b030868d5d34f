"""KSR.pvx beside the pseudo-variables; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from tests.hosts.embedded.ksr_calls import Message


def test_a_variable_of_the_script_has_a_number_or_a_text() -> None:
    message = Message()

    assert message.call("pvx.var_get", "a") == 0
    assert message.call("pvx.var_seti", "a", 5) == 1
    assert (message.call("pvx.var_get", "a"), message.call("pv.get", "$var(a)")) == (5, 5)
    assert message.call("pvx.var_sets", "a", "x") == 1
    assert message.call("pv.get", "$var(a)") == "x"
    assert message.call("pvx.var_sets", "", "x") == -1


def test_an_avp_is_added_in_front_and_one_is_removed_by_the_question_whether_it_is_null() -> None:
    """A slip of Kamailio's, ki_avp_is_null."""
    message = Message()
    for text in ("1", "2", "3"):
        assert message.call("pvx.avp_sets", "a", text) == 1

    assert message.call("pvx.avp_get", "a") == "3"
    assert message.call("pvx.avp_is_null", "a") == -1
    assert message.call("pvx.avp_get", "a") == "2"
    assert message.call("pvx.avp_rm", "a") == 1
    assert message.call("pvx.avp_seti", "b", 7) == 1
    assert (message.call("pvx.avp_getw", "b"), message.call("pv.get", "$avp(a)")) == (7, "1")
    assert [message.call(f"pvx.avp_get{form}", "none") for form in ("", "e", "w")] == [None, "", "<null>"]
    assert message.call("pvx.avp_sets", "", "x") == -1


@pytest.mark.parametrize("kind", ["xavp", "xavi", "xavu"])
def test_a_value_with_children_is_set_read_and_removed(kind: str) -> None:
    message = Message()

    assert message.call(f"pvx.{kind}_child_sets", "a", "b", "x") == 1
    assert message.call(f"pvx.{kind}_child_seti", "a", "c", 5) == 1
    assert message.call(f"pvx.{kind}_child_seti", "a", "c", 6) == 1
    assert message.call(f"pvx.{kind}_child_get", "a", "b") == "x"
    assert message.call("pv.get", f"${kind}(a=>c)") == 6
    assert message.call(f"pvx.{kind}_child_rm", "a", "c") == 1
    assert message.call(f"pvx.{kind}_child_gete", "a", "c") == ""
    assert message.call(f"pvx.{kind}_is_null", "a") == -1
    assert message.call(f"pvx.{kind}_sets", "a", "y") == 1
    assert message.call(f"pvx.{kind}_get", "a") == "y"
    assert message.call(f"pvx.{kind}_rm", "a") == 1
    assert message.call(f"pvx.{kind}_rm", "none") == 1
    assert message.call(f"pvx.{kind}_sets", "", "y") == -1
    assert message.call(f"pvx.{kind}_child_sets", "a", "", "y") == -1


def test_the_names_of_an_xavi_have_no_case_and_an_xavp_has_many_values() -> None:
    message = Message()
    for kind in ("xavp", "xavi"):
        message.call(f"pvx.{kind}_seti", "A", 1)
        message.call(f"pvx.{kind}_seti", "a", 2)

    assert message.call("pvx.xavi_get", "A") == 2
    assert message.call("pvx.xavp_get", "A") == 1
    message.call("pvx.xavi_rm", "a")
    assert message.call("pvx.xavi_get", "a") == 1


def test_a_child_in_place_of_a_text_hides_the_text_of_an_xavu() -> None:
    message = Message()
    for kind in ("xavp", "xavu"):
        message.call(f"pvx.{kind}_sets", "a", "text")
        message.call(f"pvx.{kind}_child_sets", "a", "b", "x")

    assert [len(message.host.context.xavps[kind]) for kind in ("xavp", "xavu")] == [1, 2]
    assert message.call("pvx.xavu_child_is_null", "a", "b") == -1, "it looks at the xavp of that name"


def test_a_text_with_variables_is_evaluated_into_another() -> None:
    message = Message()

    assert message.call("pvx.evalx", "$var(a)", "u=$rU;$avp(none)") == 1
    assert message.call("pv.get", "$var(a)") == "u=bob;<null>"
    assert message.call("pvx.evalx", "$rm", "x") == -1
    assert message.call("pvx.evalx", "$var(a)", "$(") == -1


def test_a_number_of_64_bits_is_read_since_6() -> None:
    message = Message(is_6=True)
    message.call("pv.sets", "$var(a)", "-3000000000")

    assert message.call("pv.getl", "$var(a)") == -3000000000
    assert message.call("pv.getl", "$ml") == message.call("kx.get_msglen")
    assert [message.call("pv.getl", name) for name in ("$none", "$avp(x)", "$ru", "")] == [0, 0, 0, 0]
    with pytest.raises(CallRefused):
        Message().call("pv.getl", "$ml")


def test_parameters_and_lists_become_values_and_parameters_again() -> None:
    message = Message(is_6=True)

    assert message.call("pvx.xavp_params_explode", 'a=1;b;c="x;y";', "p") == 1
    assert [message.call("pvx.xavp_child_get", "p", name) for name in "abc"] == ["1", "", "x;y"]
    message.call("pvx.xavp_child_seti", "p", "n", -1)
    assert message.call("pvx.xavp_params_implode", "p", "$var(a)") == 1
    assert message.call("pv.get", "$var(a)") == "n=18446744073709551615;a=1;b;c=x;y;"
    assert message.call("pvx.xavp_params_implode_qval", "p", "$var(a)") == 1
    assert message.call("pv.get", "$var(a)") == 'n=18446744073709551615;a="1";b;c="x;y";'
    assert message.call("pvx.xavp_xparams_explode", "a=1,b=2", ",", "q") == 1
    assert message.call("pv.get", "$xavp(q=>b)") == "2"
    assert message.call("pvx.xavp_slist_explode", "a, b;;c ", ",;", "t", "l") == 1
    assert message.call("pv.get", "$xavp(l=>v[*])") == "a, b, c"


def test_what_is_no_list_becomes_no_value() -> None:
    message = Message()

    assert message.call("pvx.xavp_params_explode", "a=", "") == -1
    assert message.call("pvx.xavp_params_explode", ";", "p") == -1
    assert message.call("pvx.xavp_slist_explode", "a", "", "t", "l") == -1
    assert message.call("pvx.xavu_params_implode", "none", "$var(a)") == -1
    message.call("pvx.xavu_child_seti", "u", "a", -1)
    assert message.call("pvx.xavu_params_implode", "u", "$rm") == -1
    assert message.call("pvx.xavu_params_implode", "u", "$var(a)") == 1
    assert message.call("pv.get", "$var(a)") == "a=4294967295;", "a number has 32 bits before 6.0"
