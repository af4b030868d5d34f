// The JavaScript side of a worker: says ready, then loads and runs scripts, one at a time. docs/protocol.md is the wire.
//
// The wire:  wire.js (bytes)  watch.js (hang-up)  json.js
// A load:    modules.js  entries.js
// An exec:   calls.js  exec.js (what came with it)  sr.js (what a script sees)  places.js
//
// node bridge.js MAX_LINE_BYTES LEFTOVER COPIES BUILDS; the wire is descriptor 3 (read) and 4 (write).
"use strict";

const path = require("path");
const { Worker } = require("worker_threads");
const { Calls, Plan } = require("./calls.js");
const { Entries } = require("./entries.js");
const json = require("./json.js");
const { Build, InvalidScript } = require("./modules.js");
const { surface } = require("./sr.js");
const { countThreads, hasLeftovers, writePrints } = require("./surroundings.js");
const { isOutOfMemory, isPromise, messageOf, stackOf, typeOf } = require("./thrown.js");
const { warm } = require("./warm.js");
const wire = require("./wire.js");

const PROTOCOL = 3;
const CAN = ["values", "edits", "entries", "helpers", "profile", "within", "trace"];
const SCRIPT_THREW = -32000;
const SCRIPT_CANNOT_RUN = -32001;
const NO_SUCH_ENTRY = -32002;
const INVALID_REQUEST = -32600;
const MOST_TURNS = 3;
const TURN_EVERY = 64; // requests

const [maxLine, leftover, copies, directory] = process.argv.slice(2);
const maxLineBytes = Number(maxLine);
const memory = wire.shared();
const { cells } = wire.parts(memory);
const inbox = new wire.Inbox(memory, maxLineBytes);
const outbox = new wire.Outbox(memory, maxLineBytes);
const watch = new Worker(path.join(__dirname, "watch.js"), { workerData: { memory, maxLineBytes }, stdin: false });
const calls = new Calls(inbox, outbox, maxLineBytes, lost);
const sr = surface(calls);
const keepsLeftovers = leftover === "keep";
const soon = setImmediate;
const builds = new Map(); // by generation
const current = new Map(); // the generation of each path
let unanswered = null; // the innermost exec that has no answer yet
let loading = 0; // the load that has no answer yet
calls.runWithin = ({ id, params }) => exec(id, params);

/** Answers requests until the wire ends. */
async function serve() {
    Atomics.wait(cells, wire.WATCHES, 0);
    outbox.turn(
        `{"jsonrpc":"2.0","method":"ready","params":{"protocol":${PROTOCOL},"runtime":"${process.versions.node}",` +
            `"pid":${process.pid},"can":${JSON.stringify(CAN)}}}`,
    );
    for (let line = inbox.line(); line !== null; line = inbox.line()) {
        const request = json.parsed(line);
        if (!Number.isSafeInteger(request?.id) || typeof request.params?.generation !== "string") {
            lost("expected a load or exec request");
        }
        // Also behind a main that does not wait: promises that it left are settled now, when nobody waits.
        await answer(request);
        // And what else may go on does. Nobody sees what waits for the next tick, so that has its turn at times.
        if (hasLeftovers() || request.id % TURN_EVERY === 0) {
            await new Promise(soon);
        }
    }
    wire.endGroup();
}

function answer({ id, method, params }) {
    switch (method) {
        case "load":
            loading = id;
            return load(id, params).finally(() => (loading = 0));
        case "exec":
            if (Atomics.load(cells, wire.SLEEPS) === 1) {
                watch.postMessage("wake");
            }
            return exec(id, params);
        default:
            return fail(id, INVALID_REQUEST, `expected load or exec, not ${method}`);
    }
}

async function load(id, params) {
    if (typeof params.path !== "string" || typeof params.file !== "string" || typeof params.helpers !== "object") {
        lost("expected a load request");
    }
    const build = new Build(params, copies, directory, sr, (name) => calls.find(name));
    try {
        await build.load();
        if (build.missing.size > 0) {
            build.forget();
            outbox.turn(`${head(id)}{"needs":[${[...build.missing].map(json.quoted)}]}}`);
            return;
        }
        build.entries = new Entries(build);
    } catch (error) {
        build.forget();
        if (error instanceof InvalidScript) {
            fail(id, SCRIPT_CANNOT_RUN, error.message, error.cause);
        } else {
            fail(id, SCRIPT_CANNOT_RUN, `${build.path}: ${typeOf(error)}: ${messageOf(error)}`, error);
        }
        return;
    }
    builds.get(current.get(build.path))?.forget();
    builds.delete(current.get(build.path));
    current.set(build.path, params.generation);
    builds.set(params.generation, build);
    outbox.turn(`${head(id)}{"needs":[],"entries":${JSON.stringify(build.entries.names)}}}`);
}

/** Runs an exec. A promise when something in it has to be waited for. */
function exec(id, params) {
    const build = builds.get(params.generation);
    if (build === undefined) {
        return fail(id, SCRIPT_CANNOT_RUN, `expected a generation that is loaded, not ${params.generation}`);
    }
    const entry = build.entries.find(params.entry);
    if (entry === undefined) {
        return fail(id, NO_SUCH_ENTRY, `expected an entry of ${build.path}, not ${params.entry ?? "main"}`);
    }
    if (params.plan !== undefined) {
        entry.plan = new Plan(params.plan);
    }
    const running = (unanswered = calls.begin(id, entry.plan, params));
    let outcome;
    try {
        const result = started(running, build, entry, params);
        if (isPromise(result)) {
            if (running.outer === null) {
                return awaited(running, entry, result);
            }
            result.then(undefined, () => {}); // nobody hears of its end
            throw new Error("expected a script that does not wait: it runs within the exec of another one");
        }
        outcome = returned(entry.codeOf(result));
    } catch (error) {
        outcome = threw(error);
    }
    return ended(running, outcome);
}

/** Starts main, behind a new run of the script's top level where that is wanted. Its result, or a promise of it. */
function started(running, build, entry, params) {
    const main = () => {
        running.start();
        return entry.run(params.param);
    };
    const refreshed = params.fresh === true ? build.run() : undefined;
    return refreshed === undefined ? main() : refreshed.then(main);
}

async function awaited(running, entry, result) {
    let outcome;
    try {
        outcome = returned(entry.codeOf(await running.until(result)));
    } catch (error) {
        outcome = threw(error);
    }
    await ended(running, outcome);
}

function returned(code) {
    return { hasThrown: false, code, error: undefined };
}

function threw(error) {
    return { hasThrown: true, code: 0, error };
}

/** Main has ended. A promise when it may have left something behind. */
function ended(running, outcome) {
    calls.end();
    if (running.outer !== null || keepsLeftovers || !hasLeftovers()) {
        return reply(running, outcome, false);
    }
    return settled().then((isSettled) => reply(running, outcome, !isSettled));
}

/** Lets what is about to end do so. False: something goes on. */
async function settled() {
    for (let turns = 0; hasLeftovers(); turns++) {
        if (turns === MOST_TURNS) {
            return false;
        }
        await new Promise(soon);
    }
    return true;
}

function reply(running, outcome, isStray) {
    const { hasThrown, code, error } = outcome;
    unanswered = running.outer;
    const spent = running.isProfiled ? `,"spent":[${running.spent()}]` : "";
    const worn = isOutOfMemory(error) ? "memory" : isStray ? "threads" : "";
    if (hasThrown && !running.hasExited) {
        fail(running.id, SCRIPT_THREW, `${typeOf(error)}: ${messageOf(error)}`, error, worn);
        return;
    }
    const exited = running.hasExited ? ',"exited":true' : "";
    const retire = worn === "" ? "" : `,"worn":"${worn}"`;
    outbox.result(
        `${head(running.id)}{"code":${running.hasExited ? 0 : code},"used":${running.used >>> 0},"edits":`,
        `${exited}${retire}${spent}}}`,
    );
}

function head(id) {
    return `{"jsonrpc":"2.0","id":${id},"result":`;
}

/** Answers any request with an error; `cause` is the exception behind it. */
function fail(id, code, message, cause, worn = "") {
    const error = { code, message: bounded(message) };
    if (cause !== undefined) {
        error.data = { type: typeOf(cause), message: bounded(messageOf(cause)), stack: bounded(stackOf(cause)) };
        if (worn !== "") {
            error.data.worn = worn;
        }
    }
    outbox.turn(`{"jsonrpc":"2.0","id":${id},"error":${json.object(error)}}`);
}

function bounded(text) {
    const longest = maxLineBytes >> 5;
    return text.length > longest ? `${text.slice(0, longest)} ...` : text;
}

/** Ends the process: the turns are out of order or the runner has gone, so no later line can be trusted. */
function lost(why) {
    wire.sendAll(2, Buffer.from(`bridge: ${why}\n`));
    wire.endGroup();
}

writePrints();
countThreads();
warm(directory);
process.on("exit", (code) => {
    const id = unanswered?.started()?.id ?? loading;
    outbox.exiting(`{"jsonrpc":"2.0","method":"exiting","params":{"code":${Number(code) | 0},"exec":${id}}}`);
});
// process.exit calls this after the listeners of "exit". It waits for all threads, and the watch may wait for the runner.
const { reallyExit } = process;
process.reallyExit = (code) => {
    if (!inbox.keep()) {
        process.kill(process.pid, "SIGKILL"); // the code was said
    }
    reallyExit.call(process, code);
};
process.on("uncaughtException", (error) => {
    if (!calls.failed(error)) {
        console.error(`${typeOf(error)}: ${messageOf(error)}\n${stackOf(error)}`);
    }
});
serve().catch((error) => lost(stackOf(error))); // a script that changes JavaScript itself breaks the bridge as well
