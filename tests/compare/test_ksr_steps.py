"""Calls of KSR with arguments made up: the same for a seed, and alike in a real Kamailio and on the embedded host."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import pytest

from runner.installed import version
from tests.compare.made import Made
from tests.kamailio.rig import KAMAILIO, has_module
from tools.compare.__main__ import FOUND, release, sides
from tools.compare.apart import trouble
from tools.compare.cases import KSR, Case, Played
from tools.compare.embedded import EmbeddedSide
from tools.compare.judge import Judge
from tools.compare.ksr_steps import case, cases, compared
from tools.compare.report import text_of

SEED, CASES = 4, 500
LONGEST_S = 120.0
# True whatever they find, or false as nobody can be authorized, or a number of a text that is none.
ONE_ANSWER = {
    *("kx.get_envn", "pvx.avp_rm", "pvx.var_seti", "pvx.var_sets", "pvx.xavi_child_rm", "pvx.xavi_rm"),
    *(
        "pvx.xavp_child_rm",
        "pvx.xavp_rm",
        "siputils.contact_param_encode",
        "siputils.contact_param_rm",
        "siputils.is_user",
        "textops.replace_str",
        "textopsx.keep_hf_re",
    ),
}


MADE = Made(cases, 2000)


def calls(case: Case, played: Played) -> list[tuple[str, object]]:
    """Each function that was called, and what it gave."""
    pairs = zip(case.steps, played.answers, strict=False)  # what is dropped has no answers
    return [(str(step[1]), answer) for step, answer in pairs if step[0] == KSR]


def test_the_same_seed_makes_the_same_cases() -> None:
    assert [case(1, number) for number in reversed(range(20))] == MADE.cases[:20][::-1]
    assert list(itertools.islice(cases(1, 10), 10)) == MADE.cases[10:20]


def test_functions_with_arguments_give_more_than_one_answer() -> None:
    """An argument that is always refused, or never found, would compare nothing."""
    side, found = EmbeddedSide(kamailio=version(), garbles=False), Counter[tuple[str, str]]()
    for made in MADE.cases:
        played = side.collect(made)
        found.update((name, str(answer)) for name, answer in calls(made, played))

    names = {function.full_name for function in compared() if function.parameters}
    answers = {name: {answer for named, answer in found if named == name} for name in names}
    assert {name for name, given in answers.items() if len(given) < 2} <= ONE_ANSWER


@pytest.mark.skipif(KAMAILIO is None or not has_module("app_python3"), reason="make test installs Kamailio")
@pytest.mark.skipif(bool(trouble()), reason=f"no network namespace here: {trouble()}")
def test_a_real_kamailio_and_the_embedded_host_answer_alike() -> None:
    """A part of ``make compare MODE=ksr``."""
    with sides("ksr") as (real, ours):
        judge = Judge(real, ours)
        judge.run(itertools.islice(cases(SEED), CASES), time.monotonic() + LONGEST_S)

    assert judge.report.findings == {}, text_of([("ksr", judge.report)], SEED, kamailio=release(), kept=FOUND)
    assert judge.report.cases == CASES
    assert judge.report.facts > 5 * CASES
