"""
The page docs/settings.md, from the model.

``python -m runner.settings > docs/settings.md`` writes it again.
"""

from __future__ import annotations

import ast
import inspect
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from . import NEEDS_RESTART, READ_BY_KAMAILIO, ListenerSettings, RuntimeSettings, ScriptSettings, Settings
from .origins import MOVED, REMOVED

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

HEAD = """\
# Settings

Generated from the model by `python -m runner.settings > docs/settings.md`; do not edit.

They come from a TOML file (`--config FILE`, and /etc/app-mono/app-mono.toml for the commands that talk to a daemon),
from environment variables `APP_MONO_<NAME>`, and from arguments; later ones outweigh earlier ones. A table in an
environment variable is written as JSON. A name that does not exist is refused, with the nearest one that does.
Two variables are no settings: `APP_MONO_CONFIG` names the file, and `APP_MONO_LANE` (`python` or `c`) says what runs an
exec, see [performance.md](performance.md#the-lane).

`app-mono exec` and `app-mono run` have defaults of their own: one worker, no spare one, `exec_timeout_s` 5,
`allocate_timeout_s` 30, `observer` "none".

The last column says when a change counts: after `app-mono reload` if nothing is there; else after a restart of the
daemon (*restart*), or after `kamcmd app_python.reload` (`app_python3s.reload` with that module) because Kamailio's
processes read the setting as well (*Kamailio*). `app-mono reload` names the ones that changed.

| setting | default | meaning | who sets it | counts after |
|---|---|---|---|---|
"""

TABLE = """
## {title}

{text}

| setting | default | meaning |
|---|---|---|
"""

END = """
## Settings of earlier versions

They are not settings any more. In a file or the environment they give a warning, and nothing else happens.

| setting | now |
|---|---|
"""


def page() -> str:
    """The whole page, as Markdown."""
    out = [HEAD]
    texts = texts_of(Settings)
    for name, field in Settings.model_fields.items():
        meaning, _, who = texts[name].partition("\n\n")
        out.append(f"| `{name}` | {default_of(field)} | {_cell(meaning)} | {_cell(who)} | {_counts_after(name)} |\n")
    out += _table('`[scripts."/path/x.exe"]`', _text_of(ScriptSettings), ScriptSettings)
    out += _table("`[listener]`", _text_of(ListenerSettings), ListenerSettings)
    out += _table("`[runtimes.NAME]`", _text_of(RuntimeSettings), RuntimeSettings)
    out.append(END)
    out += [f"| `{name}` | {what} |\n" for name, what in REMOVED.items()]
    out += [f"| `{name}` | in the table `[{table}]`; it still counts where it was |\n" for name, table in MOVED.items()]
    return "".join(out)


def _table(title: str, text: str, model: type[BaseModel]) -> list[str]:
    texts = texts_of(model)
    rows = [
        f"| `{name}` | {default_of(field)} | {_cell(texts[name])} |\n" for name, field in model.model_fields.items()
    ]
    return [TABLE.format(title=title, text=text), *rows]


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """What the source says below each field; pydantic would read it at every start of a process."""
    (tree,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - that is what it is the source of
    found = {}
    for field, text in pairwise(tree.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = inspect.cleandoc(said).replace("``", "`")
    return found


def _text_of(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def default_of(field: FieldInfo) -> str:
    """How the page shows the default of a setting."""
    match field.get_default(call_default_factory=True):
        case None | () | {} | ListenerSettings():
            return "none"
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case "":
            return '`""`'
        case value:
            return str(value)


def _counts_after(name: str) -> str:
    kinds = ("restart" if name in NEEDS_RESTART else "", "Kamailio" if name in READ_BY_KAMAILIO else "")
    return ", ".join(filter(None, kinds))


if __name__ == "__main__":
    sys.stdout.write(page())
