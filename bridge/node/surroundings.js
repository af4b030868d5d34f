// What a script has of its process: where its prints go, and what it leaves behind.
"use strict";

const { syncBuiltinESMExports } = require("module");
const { Writable } = require("stream");
const workers = require("worker_threads");
const { sendAll } = require("./wire.js");

// Connections stay open between execs, and only wait; everything else still does something.
const QUIET = /^(?:TCP|TLS|Pipe|TTY|UDP|FSEvent|StatWatcher)/i;

/** Makes prints wait until they are written: the event loop, which Node's own writes need, turns only behind an await. */
function writePrints() {
    for (const [name, fd] of [["stdout", 1], ["stderr", 2]]) {
        const stream = new Writable({
            decodeStrings: true,
            write(chunk, _, done) {
                sendAll(fd, chunk);
                done();
            },
        });
        stream.fd = fd;
        Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
    }
    process.removeAllListeners("warning");
    process.on("warning", (warning) => {
        if (warning.name !== "ExperimentalWarning" || !/^(?:VM Modules|vm\.)/.test(warning.message)) {
            console.error(`${warning.name}: ${warning.message}`);
        }
    });
}

let threads = 0;

/** Counts the threads that scripts start from now on: Node lists everything else that runs. */
function countThreads() {
    workers.Worker = class Worker extends workers.Worker {
        constructor(...options) {
            super(...options);
            threads++;
            this.once("exit", () => threads--);
        }
    };
    syncBuiltinESMExports();
}

/** Whether timers, requests, threads or processes of a script still run. */
function hasLeftovers() {
    return threads > 0 || process.getActiveResourcesInfo().some((kind) => !QUIET.test(kind));
}

module.exports = { countThreads, hasLeftovers, writePrints };
