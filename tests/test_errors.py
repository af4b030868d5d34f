"""runner.errors: the tree, who survives, and what an error carries."""

from __future__ import annotations

import pytest

from runner import errors
from runner.errors import BuildError, RunnerError, ScriptError, WorkerDied, WorkerError, WorkerGone

ERRORS = [value for value in vars(errors).values() if isinstance(value, type)]


@pytest.mark.parametrize("error", ERRORS)
def test_a_worker_survives_every_error_but_those_of_the_worker_itself(error: type[RunnerError]) -> None:
    assert issubclass(error, RunnerError)
    assert error.worker_survives is not issubclass(error, WorkerError)


@pytest.mark.parametrize("error", ERRORS)
def test_the_text_of_an_error_is_its_message_alone(error: type[RunnerError]) -> None:
    assert str(error("worker 4312: expected ready")) == "worker 4312: expected ready"


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_says_what_it_means(error: type[RunnerError]) -> None:
    assert error.__doc__


def test_a_worker_error_carries_what_is_known_of_its_end() -> None:
    error = WorkerDied("it ended", exit_code=-9, step="RUNNING", last_lines=["a", "b"])

    assert (error.exit_code, error.step, error.last_lines) == (-9, "RUNNING", ("a", "b"))


def test_a_worker_error_of_which_nothing_is_known_says_so() -> None:
    error = WorkerError("it ended")

    assert (error.exit_code, error.step, error.last_lines) == (None, "", ())


def test_a_worker_that_was_gone_before_is_a_worker_that_died() -> None:
    assert issubclass(WorkerGone, WorkerDied)


def test_a_script_error_has_its_csharp_text_and_a_build_error_its_diagnostics() -> None:
    assert ScriptError("boom").detail == ""
    assert ScriptError("boom", "at X.Main ()").detail == "at X.Main ()"
    assert BuildError("x.cs does not compile", ["x.cs:1:1: error CS1002: ;"]).diagnostics == (
        "x.cs:1:1: error CS1002: ;",
    )


def test_the_full_text_of_an_exception_has_its_first_line_once() -> None:
    stack = "System.Exception: boom\n  at X.Main ()"

    assert ScriptError("X.cs: System.Exception: boom", stack).full() == f"X.cs: {stack}"
    assert ScriptError("X.cs cannot be run", stack).full() == f"X.cs cannot be run\n{stack}"
    assert ScriptError("boom").full() == "boom"


def test_a_message_names_its_script_once() -> None:
    assert ScriptError("System.Exception: boom").naming("/x/a.exe") == "/x/a.exe: System.Exception: boom"
    assert ScriptError("/x/a.exe: no Main").naming("/x/a.exe") == "/x/a.exe: no Main"
