"""
``app-mono kamailio-cfg``: what to paste, with the paths of this machine.

Must not change anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runner import installed
from runner.migrate.daemon_settings import CHILDREN, TIMER, toml
from runner.migrate.literals import literal

from . import show
from .outcome import TRUE

SCRIPT_DIR = "/etc/kamailio/mono"

CFG = """\
route[SCRIPT] {{
\t# PATH, a blank, and what the script gets as its one argument; true when Main returns 0.
\tif (!{call}("mono_exec", "{directory}/MySRTest.exe $rU")) {{
\t\texit;
\t}}
\t# The script that `load` in app-mono.toml names, with an argument or without:
\t# {call}("mono_run", "$rU")
}}"""

KEMI = """\
# In your routing script:
#   import sys
#   sys.path.append({directory!r})
#   import app_mono
#   app_mono.mono_exec(msg, "{scripts}/MySRTest.exe", KSR.pv.get("$rU"))   # 1 or -1
#   app_mono.mono_run(msg)"""

KEMI_S = """\
# In your routing script, whose functions get no message:
#   import sys
#   sys.path.append({directory!r})
#   import app_mono, app_mono_s
#   app_mono.mono_exec(app_mono_s.MESSAGE, "{scripts}/MySRTest.exe", KSR.pv.get("$rU"))   # 1 or -1
#   app_mono.mono_run(app_mono_s.MESSAGE)"""

SYSTEMD = """\
# systemd: the daemon's own unit is what app-mono kamailio-cfg --service prints. Kamailio starts after it:
# In /etc/systemd/system/kamailio.service.d/app-mono.conf, then systemctl daemon-reload:
#   [Unit]
#   Wants=app-mono.service
#   After=app-mono.service"""


def show_lines(*, kemi: bool, toml_only: bool, app_python3s: bool, unit: bool) -> int:
    """
    Print ``service`` where ``unit`` is true, else ``lines``.

    Raises:
        ConfigError: As ``lines``.
    """
    text = service() if unit else lines(kemi=kemi, toml_only=toml_only, app_python3s=app_python3s)
    for line in text.splitlines():
        show.line(line)
    return TRUE


def lines(*, kemi: bool, toml_only: bool, app_python3s: bool = False) -> str:
    """
    The text. All that is no kamailio.cfg is a comment in it, so the whole can be pasted; with settings in their place,
    as of the Debian package, there is no need of that.

    Args:
        kemi: For a routing script in Python or C#.
        toml_only: The settings of the daemon alone.
        app_python3s: For that module of Kamailio; False: for app_python3 where it is installed.

    Raises:
        ConfigError: The Kamailio side of this package is not where it should be.
    """
    settings = toml([SCRIPT_DIR], None, 2 * CHILDREN + TIMER)
    if toml_only:
        return settings
    module = installed.APP_PYTHON3S if app_python3s else installed.module()
    script = installed.script(module)
    modules = installed.modules()
    found = [
        f"# kamailio.cfg, with {script}",
        f'mpath="/usr/lib/kamailio/modules/"  # expected here: {module}.so was found nowhere'
        if modules is None
        else f"mpath={literal(f'{modules}/')}",
        f'loadmodule "{module}.so"',
    ]
    if kemi:
        found += [
            f'modparam("{module}", "load", "/etc/kamailio/routing.py")  # your routing script',
            "# or this instead, for the routing script in C# that the setting load names (docs/kemi.md):",
            f'# modparam("{module}", "load", {literal(str(script.with_name("app_mono_kemi.py")))})',
            'cfgengine "python"',
            "",
            (KEMI if module == installed.APP_PYTHON3 else KEMI_S).format(
                directory=str(script.parent), scripts=SCRIPT_DIR
            ),
        ]
    else:
        call = "python_exec" if module == installed.APP_PYTHON3 else f"{module}_exec"
        found += [f'modparam("{module}", "load", {literal(str(script))})', ""]
        found.append(CFG.format(directory=SCRIPT_DIR, call=call))
    if not installed.CONFIG.exists():
        found += ["", f"# {installed.CONFIG}, also from: app-mono kamailio-cfg --toml"]
        found += [f"#   {line}".rstrip() for line in settings.splitlines()]
        found += ["", SYSTEMD]
    return "\n".join(found) + "\n"


def service() -> str:
    """
    The systemd unit of the daemon.

    Raises:
        ConfigError: As ``lines``.
    """
    command = Path(sys.executable).with_name("app-mono")
    unit = (installed.kamailio_side() / "app-mono.service").read_text(encoding="utf-8")
    return unit.replace("/usr/local/bin/app-mono", str(command)) if command.is_file() else unit
