// Makes every call that a script can make, before the first one does: Node compiles a function when it first runs, and a
// script may make its first call when the stack has no room left for that.
"use strict";

const fs = require("fs");
const path = require("path");
const { Calls, Plan } = require("./calls.js");
const { surface } = require("./sr.js");
const wire = require("./wire.js");

const ROUNDS = 100; // the first exec takes a third of the time afterwards (measured)
const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** @param directory where a file may be written */
function warm(directory) {
    const answers = path.join(directory, "answers");
    const lines = Array.from({ length: ROUNDS * 10 }, (_, i) => `{"jsonrpc":"2.0","id":${i + 1},"result":0}\n`);
    fs.writeFileSync(answers, lines.join(""));
    const reads = fs.openSync(answers);
    const writes = fs.openSync("/dev/null", "w");
    const memory = wire.shared();
    const outbox = new wire.Outbox(memory, MAX_LINE_BYTES, writes);
    const calls = new Calls(new wire.Inbox(memory, MAX_LINE_BYTES, reads), outbox, MAX_LINE_BYTES, (why) => {
        throw new Error(why);
    });
    const plan = new Plan({ reads: [["PV.GetS", "$ru", 1]], edits: [["PV.SetS", "$rU", 1, "any"]] });
    for (let i = 0; i < ROUNDS; i++) {
        calls.begin(1, plan, { values: ["sip:bob@example.com"], certain: 1 }).start();
        makeCalls(surface(calls));
        calls.end();
        outbox.result("", "");
    }
    [reads, writes].forEach((fd) => fs.closeSync(fd));
    fs.unlinkSync(answers);
}

function makeCalls({ Core, HDR, KSR, PV }) {
    Core.log(1, "a text\n");
    Core.err("\u00e9\ud800");
    PV.getS("$ru"); // came ahead
    PV.setS("$rU", "bob"); // is certain
    PV.getI("$rs");
    PV.setI("$var(i)", 1);
    PV.isNull("$du");
    PV.unset("$du");
    HDR.append("X: y\r\n");
    Core.modF("f", "x");
    KSR.info("a text");
    KSR.m.f(1, "x", true);
}

module.exports = { warm };
