"""The cases of KSR: the same for a seed, and every function that is compared, with what it takes and gives."""

from __future__ import annotations

import itertools

from runner.installed import version
from tests.compare.made import Made
from tools.compare.cases import NOT_ASKED
from tools.compare.embedded import EmbeddedSide
from tools.compare.ksr_core_steps import NOT_PLAYED, case, cases, functions

KINDS: dict[str, set[type]] = {
    "bool": {bool},
    "int": {int},
    "none": {type(None)},
    "xval": {str, int, type(None)},
}


MADE = Made(cases, 2500)


def test_the_same_seed_makes_the_same_cases_in_any_order() -> None:
    assert [case(1, number) for number in reversed(range(20))] == MADE.cases[:20][::-1]
    assert list(itertools.islice(cases(2), 20)) != MADE.cases[:20]


def test_every_function_of_the_embedded_host_is_called_but_those_with_a_reason() -> None:
    known = {each.full_name: each for each in functions()}

    assert known.keys() - {step[1] for step in MADE.steps} == set()
    assert not NOT_PLAYED.keys() & known.keys()
    assert all(NOT_PLAYED.values())


def test_arguments_are_of_the_types_of_the_list() -> None:
    known = {each.full_name: each.kinds for each in functions()} | {"textopsx.msg_apply_changes": ()}

    wrong = [
        step
        for step in MADE.steps
        if tuple("str" if isinstance(each, str) else "int" for each in step[2:]) != known[str(step[1])]
    ]
    assert wrong == []


def test_answers_are_of_the_types_of_the_list() -> None:
    """The judge takes true for 1."""
    kinds = {each.full_name: KINDS[each.ret] for each in functions()}
    wrong = {
        (step[1], type(answer))
        for case in MADE.cases[:600]
        for step, answer in zip(case.steps, EmbeddedSide(kamailio=version()).collect(case).answers, strict=False)
        if str(step[1]) in kinds and answer != NOT_ASKED and type(answer) not in kinds[str(step[1])]
    }

    assert wrong == set()
