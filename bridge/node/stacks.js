// Where a script is stuck: on SIGQUIT the watch writes the stack of the main thread to the log, as mono does.
//
// The main thread handles no signal while a script runs, and the watch has no event for them: Node offers signals to the
// main thread only. Its own binding works on any thread, and the inspector interrupts a script in the middle of a loop. A
// thread that waits in the kernel says nothing until it goes on.
"use strict";

const inspector = require("inspector");
const { constants } = require("os");
const { fileURLToPath } = require("url");
const { sendAll } = require("./wire.js");

function writeOnQuit() {
    const { Signal } = process.binding("signal_wrap");
    const signal = new Signal();
    signal.onsignal = write;
    signal.start(constants.signals.SIGQUIT);
}

function write() {
    const session = new inspector.Session();
    const places = new Map();
    session.connectToMainThread();
    session.on("Debugger.scriptParsed", ({ params }) => places.set(params.scriptId, placeOf(params.url)));
    session.on("Debugger.paused", ({ params }) => {
        const lines = params.callFrames.map(({ functionName, location }) => {
            const { scriptId, lineNumber, columnNumber } = location;
            return `    at ${functionName || "<anonymous>"} (${places.get(scriptId)}:${lineNumber + 1}:${columnNumber + 1})\n`;
        });
        const ofScript = lines.filter((line) => !line.includes(`${__dirname}/`) && !line.includes("(node:"));
        sendAll(2, Buffer.from(`stack of the script:\n${ofScript.join("")}`));
        session.post("Debugger.resume", () => session.disconnect());
    });
    session.post("Debugger.enable");
    session.post("Debugger.pause");
}

/** A path; or what else the inspector calls a script, for example node:fs. */
function placeOf(url) {
    return url.startsWith("file://") ? fileURLToPath(url) : url;
}

module.exports = { writeOnQuit };
