"""The cases of KSR: the same for a seed, and every function that is compared, with arguments of its types."""

from __future__ import annotations

import itertools

from tools.compare.ksr_steps import NOT_PLAYED, case, cases, functions

MANY = list(itertools.islice(cases(1), 2500))
STEPS = [step for case in MANY for step in case.steps]


def test_the_same_seed_makes_the_same_cases_in_any_order() -> None:
    assert [case(1, number) for number in reversed(range(20))] == MANY[:20][::-1]
    assert list(itertools.islice(cases(2), 20)) != MANY[:20]


def test_every_function_of_the_embedded_host_is_called_but_those_with_a_reason() -> None:
    known = {each.full_name: each for each in functions()}

    assert known.keys() - {step[1] for step in STEPS} == set()
    assert not NOT_PLAYED.keys() & known.keys()
    assert all(NOT_PLAYED.values())


def test_arguments_are_of_the_types_of_the_list() -> None:
    known = {each.full_name: each.kinds for each in functions()}

    wrong = [
        step
        for step in STEPS
        if tuple("str" if isinstance(each, str) else "int" for each in step[2:]) != known[str(step[1])]
    ]
    assert wrong == []
