"""What tsc 5.9 gives for the script of docs/languages.md runs as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S

from .box import LANGUAGES, missing

if TYPE_CHECKING:
    from pathlib import Path

COMMONJS = """\
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.main = main;
const SR_1 = require("SR");
function main(args) {
    const user = SR_1.PV.get("$rU");
    SR_1.HDR.appendToReply(`X-Greeting: hello ${user}\\r\\n`);
    return user === "bob" ? 0 : 1; // 0 is true
}
"""
ESNEXT = """\
import { HDR, PV } from "SR";
export function main(args) {
    const user = PV.get("$rU");
    HDR.appendToReply(`X-Greeting: hello ${user}\\r\\n`);
    return user === "bob" ? 0 : 1; // 0 is true
}
"""
NO_NODE = missing(next(language for language in LANGUAGES if language.runtime == "node"))


@pytest.mark.skipif(bool(NO_NODE), reason=NO_NODE)
@pytest.mark.parametrize("text", [COMMONJS, ESNEXT], ids=["commonjs", "esnext"])
def test_what_tsc_gives_runs_as_it_is(tmp_path: Path, text: str) -> None:
    script, host = tmp_path / "Greet.js", MessageHost(INVITE)
    script.write_text(text, encoding="ascii")

    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S), begins_with=["node"]) as runner:
        result = runner.mono_exec(script, host=host)

    assert (result.exit_code, result.error) == (0, None)
    assert host.reply_headers == ["X-Greeting: hello bob\r\n"]
