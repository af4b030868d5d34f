"""
How outcomes and errors look: for people with rich, for programs as one JSON object a line.

Must not run or read anything.
"""

from __future__ import annotations

import difflib
import json
import logging
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from runner.calls import LOG_LEVELS
from runner.errors import BuildError, RunnerError, ScriptError, WorkerError
from runner.printable import printable, record

from .outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runner.hosts.answered import Answer

WHOLE = 10_000  # columns: a table takes only as many as it needs
LONGEST_VALUE = 200  # characters of an argument or a value on one line

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)

LEVEL_STYLES = {-1: "red", 0: "yellow", 1: "green", 2: "cyan", 3: "dim"}
# Their warnings come back as the error of the run, which is shown once.
SHOWN_AS_ERROR = frozenset({"runner", "runner.worker", "runner.pool", "runner.first_runs"})
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
DIAGNOSTIC = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<col>\d+): (?P<kind>error|warning)")


def outcome(result: Outcome, name: str) -> None:
    """Everything one run gave, for people. ``name`` is the message's."""
    for level, text in result.logs:
        _log_line(level, text)
    _rows("answers", (Text(_safe(text)) for text in _answers(result)))
    if result.had_bare_lf:
        note("the message's bare LF line ends were accepted; SIP wants CRLF")
    if result.error is not None:
        error(result.error)
    else:
        out.print(_result_line(result))
    if result.after is not None and (result.error is None or result.after != result.before):
        _message(result.before, result.after, name)
    _rows("reply headers", (Text(f"+{_safe(header.rstrip())}", "green") for header in result.reply_headers))
    _rows("replies", (Text(_safe(_first_line(reply))) for reply in result.replies))
    called = ((_safe(call_text(function, args)), value_text(value)) for function, args, value in result.functions)
    _rows("functions", (Text.assemble(call, (f"  {value}", "dim")) for call, value in called))


def timing(results: Sequence[Outcome]) -> None:
    """A table of where the time went: one row for one run; fastest, median and slowest of several."""
    results = [result for result in results if result.timing_us]
    if not results:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("timing", min_width=12, style="bold")
    parts = list(results[0].timing_us)
    for part in (*parts, "calls"):
        table.add_column(part, justify="right")
    rows: dict[str, Callable[[list[int]], float]] = (
        {"": min} if len(results) == 1 else {"fastest": min, "median": statistics.median, "slowest": max}
    )
    for title, pick in rows.items():
        cells = [f"{pick([result.timing_us[part] for result in results]) / 1000:.2f} ms" for part in parts]
        table.add_row(title, *cells, str(results[-1].calls))
    out.print(table)


def repeats(results: Sequence[Outcome]) -> None:
    """One line: how many runs were true, false, or failed."""
    true = sum(result.ok for result in results)
    failed = sum(result.error is not None for result in results)
    out.print(f"{len(results)} runs: {true} true, {len(results) - true - failed} false, {failed} failed")


def changes(old: Outcome, new: Outcome, before: str) -> None:
    """What is different from an earlier run; ``before`` says which."""
    lines = list(difflib.unified_diff(list(_described(old)), list(_described(new)), n=0, lineterm=""))[2:]
    lines = [line for line in lines if not line.startswith("@@")]
    if not lines:
        note(f"same outcome as {before}")
        return
    out.print(Text(f"changed since {before}", "bold"))
    _diff_lines(lines)


def as_json(results: Sequence[Outcome]) -> str:
    """The last run as one object; ``repeat`` counts the runs when there were several."""
    result = results[-1]
    value: dict[str, Any] = {
        "ok": result.ok,
        "exit_code": result.exit_code,
        "error": None if result.error is None else _full(result.error),
        "logs": [{"level": level, "text": text} for level, text in result.logs],
        "message": result.after,
        "reply_headers": result.reply_headers,
        "replies": result.replies,
        "calls": result.calls,
        "timing_us": result.timing_us,
    }
    if result.functions:
        value["functions"] = [_function_as_json(*call) for call in result.functions]
    if result.answered:
        value["answered"] = [
            _function_as_json(f"KSR.{function}", args, answer.value) | {"given_by": answer.given_by}
            for function, args, answer in result.answered
        ]
        value["armed"] = dict(result.armed)
    if result.trace is not None:
        value["trace"] = result.trace.as_json()
    if result.profile_us:
        value["profile_us"] = {part: round(spent, 1) for part, spent in result.profile_us.items()}
    if len(results) > 1:
        value["repeat"] = {
            "count": len(results),
            "true": sum(each.ok for each in results),
            "failed": sum(each.error is not None for each in results),
            "total_us": [each.timing_us.get("total") for each in results],
        }
    return json.dumps(value)


def difference(what: str, here: str | None, there: str | None) -> None:
    """One thing that two runs did not do alike; None where it did not happen."""
    out.print(Text(_safe(what), "bold"))
    for place, value in (("here", here), ("in Kamailio", there)):
        out.print(Text.assemble((f"  {place:<12}", "dim"), "not made" if value is None else _safe(value)))


def error(failure: RunnerError) -> None:
    """One clear line, then what the compiler or the script said about it."""
    err.print(Text.assemble(("error: ", "bold red"), _safe(str(failure))))
    match failure:
        case BuildError(diagnostics=diagnostics):
            for line in diagnostics:
                _diagnostic(line)
        case ScriptError():
            for line in failure.full()[len(str(failure)) :].splitlines()[1:]:
                err.print(Text(f"  {_safe(line)}", "dim"))
        case WorkerError(last_lines=lines):
            for line in lines:
                err.print(Text(f"  stderr: {_safe(line)}", "dim"))
        case _:
            pass


def failure_as_json(failure: RunnerError) -> str:
    """The object for a run that never began."""
    return as_json([Outcome(ok=False, exit_code=None, error=failure)])


def table(rows: Table | Group) -> None:
    """A table, or several, as wide as the terminal; all of it where there is none."""
    (out if out.is_terminal else Console(highlight=False, width=WHOLE)).print(rows)


def cells(*texts: str) -> list[Text]:
    """A row of a table with foreign texts: escapes and rich's own marks in them have no effect."""
    return [Text(printable(text)) for text in texts]


def line(text: str) -> None:
    """One plain line of output."""
    out.print(printable(text), markup=False)


class Lines(logging.Handler):
    """The runner's log as single lines on stderr, what scripts print included; tracebacks with --verbose only."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        is_verbose = self.level <= logging.DEBUG
        if record.name in SHOWN_AS_ERROR and record.levelno < logging.ERROR and not is_verbose:
            return
        logged("console" if record.name == "runner.drain" else record.levelname.lower(), record.getMessage())
        if record.exc_info and is_verbose:
            note(logging.Formatter().formatException(record.exc_info))


def logged(level: str, text: str) -> None:
    """A record of the runner's own log; its later lines, for example of a stack, are indented."""
    style = {"warning": "yellow", "error": "red", "critical": "red"}.get(level, "dim")
    err.print(Text.assemble((f"{level}: ", style), record(text)))


def located(file: str, number: int, text: str, *, is_error: bool) -> None:
    """One line about a place in a file: what is wrong there, or only a remark."""
    place, style = (f"{file}:{number}: ", "red") if is_error else (f"{file}:{number}: note: ", "dim")
    err.print(Text.assemble((_safe(place), style), _safe(text)))


def patch(lines: Iterable[str]) -> None:
    """A unified diff: in colours on a terminal, and else byte by byte, so that ``patch`` takes it."""
    if not out.is_terminal:
        text = "".join(f"{line}\n" for line in lines)
        out.file.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
        return
    for line in lines:
        is_title = line.startswith(("--- ", "+++ "))
        out.print(Text(_safe(line), "bold" if is_title else DIFF_STYLES.get(line[:1], "")))


def checked(title: str, text: str, verdict: str) -> None:
    """One line of the doctor; the verdict is one of ``CheckStatus``."""
    mark, style = {"ok": ("ok", "green"), "bad": ("FIX", "bold red"), "none": ("-", "dim")}[verdict]
    out.print(Text.assemble((f"{mark:<5}", style), (f"{title:<10} ", "bold"), _safe(text)))


def note(text: str) -> None:
    """A remark that is no part of the result."""
    err.print(Text("\n".join(map(_safe, text.split("\n"))), "dim"))


def heading(text: str) -> None:
    """The line that a new run begins with, while watching."""
    out.print(Rule(Text(_safe(text), "bold"), align="left", style="dim"))


def answered(function: str, args: list[Any], answer: Answer) -> str:
    """A call that got an answer of the developer's, as one line."""
    return f"KSR {call_text(function, args)} -> {value_text(answer.value)} (answered by {answer.given_by})"


def armed(function: str, entry: str, entries: Sequence[str]) -> str:
    """What such a call armed, as one line; ``entries`` are those that the script has."""
    if entry in entries:
        return f"KSR {function} has armed {entry}, which nothing calls here: run it with --entry {entry}"
    near = difflib.get_close_matches(entry, entries, n=1)
    return f"KSR {function} has armed {entry}, which the script does not have" + (
        f"; did you mean {near[0]}?" if near else ""
    )


def _answers(result: Outcome) -> Iterator[str]:
    yield from (answered(*call) for call in result.answered)
    yield from _armed(result)


def _armed(result: Outcome) -> Iterator[str]:
    yield from (armed(function, entry, result.entries) for function, entry in result.armed.items() if entry)


def _print_answers(result: Outcome) -> None:
    # A trace has the calls in their places.
    for index, text in enumerate(_answers(result) if result.trace is None else _armed(result)):
        out.print(Text.assemble((f"{'' if index else 'answers':<14}", "bold"), _safe(text)))


def call_text(function: str, args: Iterable[Any]) -> str:
    """A call as a script writes it."""
    return f"{function}({', '.join(map(value_text, args))})"


def value_text(value: Any) -> str:
    """As JSON; a text that is too long for a line is cut."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[:LONGEST_VALUE]}... ({len(value)} characters)"


def _function_as_json(function: str, args: list[Any], value: Any) -> dict[str, Any]:
    return {"function": function, "arguments": args, "result": value}


def _result_line(result: Outcome) -> Text:
    word, style = ("true", "bold green") if result.ok else ("false", "bold yellow")
    return Text.assemble((f"{'result':<14}", "bold"), (word, style), f"  exit code {result.exit_code}")


def _log_line(level: int, text: str) -> None:
    name = LOG_LEVELS.get(level, str(level))
    for index, line in enumerate(text.removesuffix("\n").split("\n")):
        shown = name if index == 0 else ""
        out.print(Text.assemble((f"{shown:<14}", LEVEL_STYLES.get(level, "bold red")), _safe(line)))


def _message(before: str, after: str, name: str) -> None:
    if before == after:
        out.print(Text.assemble((f"{'message':<14}", "bold"), ("unchanged", "dim")))
        return
    messages(before, after, name, f"{name}, after the script")


def messages(old: str, new: str, old_name: str, new_name: str) -> None:
    """The lines in which two messages differ."""
    out.print(Text("message", "bold"))
    before, after = (text.replace("\r\n", "\n").split("\n") for text in (old, new))
    _diff_lines(difflib.unified_diff(before, after, old_name, new_name, n=1, lineterm=""))


def _diff_lines(lines: Iterable[str]) -> None:
    for line in lines:
        is_title = line.startswith(("--- ", "+++ "))
        out.print(Text(f"  {_safe(line)}", "dim" if is_title else DIFF_STYLES.get(line[:1], "")))


def _diagnostic(line: str) -> None:
    match = DIAGNOSTIC.match(line)
    err.print(Text(f"  {_safe(line)}", "yellow" if match and match["kind"] == "warning" else "red"))
    if match is None:
        return
    try:
        source = Path(match["file"]).read_text(encoding="utf-8", errors="replace").split("\n")
        text = source[int(match["line"]) - 1].rstrip()
    except (OSError, IndexError):
        return
    # mcs counts a tab as one column, so tabs before the caret stay tabs.
    ahead = re.sub(r"[^\t]", " ", text[: int(match["col"]) - 1])
    for shown in (text, f"{ahead}^"):
        err.print(Text(f"    {_safe(shown)}".expandtabs(4), "dim"))


def _described(result: Outcome) -> Iterator[str]:
    """An outcome as plain lines, to compare with another."""
    yield from (f"{LOG_LEVELS.get(level, level)}: {text.rstrip()}" for level, text in result.logs)
    yield from _answers(result)
    if result.error is not None:
        yield from (f"error: {line}" for line in _full(result.error).splitlines())
    else:
        yield f"result: {'true' if result.ok else 'false'}, exit code {result.exit_code}"
    yield from (result.after or "").replace("\r\n", "\n").split("\n")
    yield from (f"reply header: {header.rstrip()}" for header in result.reply_headers)
    yield from (f"reply: {_first_line(reply)}" for reply in result.replies)


def _first_line(reply: str) -> str:
    return reply.partition("\r\n")[0]


def _rows(title: str, rows: Iterable[Text]) -> None:
    """Rows with a title before the first."""
    for index, row in enumerate(rows):
        out.print(Text.assemble((f"{'' if index else title:<14}", "bold"), row))


def _full(failure: RunnerError) -> str:
    match failure:
        case BuildError(diagnostics=more):
            return "\n".join([str(failure), *more])
        case ScriptError():
            return failure.full()
        case _:
            return str(failure)


def _safe(text: str) -> str:
    r"""No control character of a message reaches the terminal: ``\x1b`` is shown, not obeyed."""
    return printable(text.rstrip("\r"))
