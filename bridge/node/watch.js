// A thread that watches the wire: it ends the process when the runner hangs up, also while a script loops, and lets no
// message wait for longer than two ticks.
//
// It looks every 10 ms. When no line came since the last look, the main thread may be busy with a script; then the watch
// sends what waits, and reads from the wire itself, if the main thread does not. After a second without a line it
// sleeps, and costs nothing; the next exec wakes it.
"use strict";

const fs = require("fs");
const { parentPort, workerData } = require("worker_threads");
const { writeOnQuit } = require("./stacks.js");
const wire = require("./wire.js");

const TICK_MS = 10;
const QUIET_TICKS = 100;

const { cells, inbox } = wire.parts(workerData.memory);
const outbox = new wire.Outbox(workerData.memory, workerData.maxLineBytes);
let turn = 0;
let quiet = 0;

function tick() {
    const now = Atomics.load(cells, wire.TURN);
    if (now === turn) {
        quiet++;
        outbox.sendOverdue();
        if (Atomics.compareExchange(cells, wire.READER, wire.FREE, wire.WATCH) === wire.FREE) {
            fs.read(wire.READS, inbox, 0, inbox.length, null, handOver);
        }
    } else {
        turn = now;
        quiet = 0;
    }
    if (quiet < QUIET_TICKS) {
        setTimeout(tick, TICK_MS);
        return;
    }
    Atomics.store(cells, wire.SLEEPS, 1);
    if (Atomics.load(cells, wire.TURN) !== now) {
        wake(); // a line came meanwhile, and its exec may not have seen that this thread sleeps
    }
}

function handOver(error, count) {
    if (error || count === 0) {
        wire.endGroup();
    }
    cells[wire.INBOX] = count;
    Atomics.store(cells, wire.READER, wire.READY);
    Atomics.notify(cells, wire.READER);
}

function wake() {
    if (Atomics.exchange(cells, wire.SLEEPS, 0) === 1) {
        quiet = 0;
        tick();
    }
}

writeOnQuit();
parentPort.on("message", wake);
tick();
Atomics.store(cells, wire.WATCHES, 1);
Atomics.notify(cells, wire.WATCHES);
