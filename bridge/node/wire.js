// The bytes of the wire: lines that come, and messages that leave, in how many writes.
//
// Two threads use it, over the same shared memory: the main one, which runs scripts, and the watch (watch.js). Whoever
// has the cell READER reads from the wire. The main thread has it whenever it waits for a line. When it is busy for long,
// the watch takes it, so that somebody sees the hang-up; a line that the watch reads is handed over in the inbox.
//
// Notices wait in shared memory for the message that passes the turn and travel with it as one batch, one line. So do
// edits, which a result carries; before any other message they become a notice. What has waited for too long is sent by
// the watch.
"use strict";

const fs = require("fs");

const READS = 3;
const WRITES = 4;
const READ_BYTES = 64 * 1024;
const HELD_BYTES = 32 * 1024; // of notices, and of edits: with more they do not wait
const RETRY_MS = 1;
const EXIT_LOCK_MS = 50;

// The cells of the shared memory.
const TURN = 0; // counts the lines that came
const SLEEPS = 1; // 1 while the watch sleeps
const READER = 2;
const INBOX = 3; // bytes in the inbox
const LOCK = 4; // 1 while one of the threads changes or sends what waits
const COUNT = 5; // notices that wait
const NOTICES = 6; // their bytes
const EDITS = 7; // bytes of the edits that wait
const WATCHES = 8; // 1 when the watch has started
const CELLS = 9;

// READER is one of:
const FREE = 0;
const MAIN = 1;
const WATCH = 2;
const READY = 3; // a line of the watch is in the inbox

/** The memory that both threads share. */
function shared() {
    return new SharedArrayBuffer(CELLS * 4 + READ_BYTES + 2 * HELD_BYTES);
}

/** The shared memory as cells, inbox, notices and edits. */
function parts(memory) {
    let at = CELLS * 4;
    const next = (length) => Buffer.from(memory, (at += length) - length, length);
    return {
        cells: new Int32Array(memory, 0, CELLS),
        inbox: next(READ_BYTES),
        notices: next(HELD_BYTES),
        edits: next(HELD_BYTES),
    };
}

/** Sends all bytes. A failed write is ignored: the runner has gone, and whoever reads ends the process. */
function sendAll(fd, bytes) {
    for (let sent = 0; sent < bytes.length;) {
        try {
            sent += fs.writeSync(fd, bytes, sent, bytes.length - sent);
        } catch (error) {
            if (error.code !== "EAGAIN") {
                return;
            }
            pause(RETRY_MS); // a process that shares the pipe made it non-blocking
        }
    }
}

function pause(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The lines that come. */
class Inbox {
    #cells;
    #shared;
    #own = Buffer.alloc(READ_BYTES);
    #longest;
    #rest = "";
    #fd;

    constructor(memory, maxLineBytes, fd = READS) {
        this.#fd = fd;
        ({ cells: this.#cells, inbox: this.#shared } = parts(memory));
        this.#longest = maxLineBytes;
    }

    /** The next line, without its end; null when the stream has ended or the line is too long. */
    line() {
        let text = this.#rest;
        let searched = 0;
        for (;;) {
            const end = text.indexOf("\n", searched);
            if (end >= 0) {
                this.#rest = end + 1 < text.length ? text.slice(end + 1) : "";
                Atomics.add(this.#cells, TURN, 1);
                return text.slice(0, end);
            }
            const more = text.length < this.#longest ? this.#read() : "";
            if (more === "") {
                return null;
            }
            searched = text.length;
            text = text === "" ? more : text + more;
        }
    }

    /** Lets the watch read no more. False: it waits for bytes already, and node would not end before they come. */
    keep() {
        return Atomics.compareExchange(this.#cells, READER, FREE, MAIN) !== WATCH;
    }

    #read() {
        const cells = this.#cells;
        let bytes = this.#own;
        let count;
        if (Atomics.compareExchange(cells, READER, FREE, MAIN) === FREE) {
            count = readSome(this.#fd, bytes);
        } else {
            while (Atomics.load(cells, READER) === WATCH) {
                Atomics.wait(cells, READER, WATCH);
            }
            bytes = this.#shared;
            count = cells[INBOX];
        }
        const text = bytes.latin1Slice(0, count);
        Atomics.store(cells, READER, FREE);
        return text;
    }
}

function readSome(fd, bytes) {
    for (;;) {
        try {
            return fs.readSync(fd, bytes, 0, bytes.length, null);
        } catch (error) {
            if (error.code !== "EAGAIN") {
                return 0;
            }
            pause(RETRY_MS);
        }
    }
}

/** The messages that leave. Each is JSON, ASCII only, without the end of the line. */
class Outbox {
    #cells;
    #notices;
    #edits;
    #most;
    #fd;
    #hasSaidExiting = false;

    constructor(memory, maxLineBytes, fd = WRITES) {
        this.#fd = fd;
        ({ cells: this.#cells, notices: this.#notices, edits: this.#edits } = parts(memory));
        this.#most = Math.min(HELD_BYTES, maxLineBytes / 2);
    }

    /** Adds a message that does not pass the turn; it waits for one that does. */
    notice(message) {
        this.#lock();
        this.#editsToNotice();
        this.#hold(message);
        if (Atomics.load(this.#cells, SLEEPS) === 1) {
            this.#sendHeld(); // the exec has run for so long that nothing of it may wait
        }
        this.#unlock();
    }

    /** Sends a message that passes the turn, with the notices before it. */
    turn(message) {
        if (this.#cells[COUNT] === 0 && this.#cells[EDITS] === 0) {
            this.#send(message);
            return;
        }
        this.#lock();
        this.#editsToNotice();
        this.#sendWithHeld(message);
        this.#unlock();
    }

    /** Sends a result, which carries the edits that wait: `head`, the list of edits, `tail`. */
    result(head, tail) {
        if (this.#cells[COUNT] === 0 && this.#cells[EDITS] === 0) {
            this.#send(head + "[]" + tail);
            return;
        }
        this.#lock();
        this.#sendWithHeld(`${head}[${this.#takeEdits()}]${tail}`);
        this.#unlock();
    }

    /** Adds a certain edit, a pair as JSON, which waits with those before it. False: it is too long. */
    edit(pair) {
        if (pair.length + 1 > this.#most) {
            return false;
        }
        const cells = this.#cells;
        this.#lock();
        if (cells[EDITS] + pair.length + 1 > this.#most) {
            this.#editsToNotice();
        }
        cells[EDITS] += this.#edits.latin1Write(cells[EDITS] > 0 ? "," + pair : pair, cells[EDITS]);
        this.#unlock();
        return true;
    }

    /** Says once that the process is exiting on purpose; nothing is sent after that. */
    exiting(message) {
        // A watch that holds the lock may be stuck in a write: the exit does not wait for it.
        if (!this.#hasSaidExiting && this.#lock(EXIT_LOCK_MS)) {
            this.#editsToNotice();
            this.#sendWithHeld(message);
            this.#hasSaidExiting = true;
        }
    }

    /** Sends what waits, for the watch; nothing when the other thread is at it. */
    sendOverdue() {
        if (Atomics.compareExchange(this.#cells, LOCK, 0, 1) === 0) {
            this.#editsToNotice();
            this.#sendHeld();
            this.#unlock();
        }
    }

    #lock(patienceMs = Infinity) {
        while (Atomics.compareExchange(this.#cells, LOCK, 0, 1) !== 0) {
            if (Atomics.wait(this.#cells, LOCK, 1, patienceMs) === "timed-out") {
                return false;
            }
        }
        return true;
    }

    #unlock() {
        Atomics.store(this.#cells, LOCK, 0);
        Atomics.notify(this.#cells, LOCK);
    }

    #takeEdits() {
        const edits = this.#edits.latin1Slice(0, this.#cells[EDITS]);
        this.#cells[EDITS] = 0;
        return edits;
    }

    #editsToNotice() {
        if (this.#cells[EDITS] > 0) {
            this.#hold(`{"jsonrpc":"2.0","method":"edits","params":[${this.#takeEdits()}]}`);
        }
    }

    /** Adds a message to those that wait; they are sent before it when it does not fit beside them. */
    #hold(message) {
        const cells = this.#cells;
        if (!this.#fits(message)) {
            this.#sendHeld();
        }
        if (!this.#fits(message)) {
            this.#send(message);
            return;
        }
        cells[NOTICES] += this.#notices.latin1Write(cells[COUNT] > 0 ? "," + message : "[" + message, cells[NOTICES]);
        cells[COUNT]++;
    }

    #fits(message) {
        return this.#cells[NOTICES] + message.length + 3 <= this.#most; // a bracket or comma before it, "]\n" at the end
    }

    #sendWithHeld(message) {
        if (this.#cells[COUNT] > 0 && this.#fits(message)) {
            this.#hold(message);
            this.#sendHeld();
        } else {
            this.#sendHeld();
            this.#send(message);
        }
    }

    #sendHeld() {
        const cells = this.#cells;
        if (cells[COUNT] === 0) {
            return;
        }
        const isBatch = cells[COUNT] > 1;
        const end = cells[NOTICES] + this.#notices.latin1Write(isBatch ? "]\n" : "\n", cells[NOTICES]);
        this.#sendBytes(this.#notices.subarray(isBatch ? 0 : 1, end));
        cells[COUNT] = cells[NOTICES] = 0;
    }

    #send(message) {
        if (message.length > READ_BYTES || this.#hasSaidExiting) {
            this.#sendBytes(Buffer.from(message + "\n", "latin1"));
            return;
        }
        const line = message + "\n";
        let sent = 0;
        try {
            sent = fs.writeSync(this.#fd, line, null, "latin1");
        } catch {
            // sendBytes tries again, or knows why not
        }
        if (sent < line.length) {
            this.#sendBytes(Buffer.from(line, "latin1").subarray(sent));
        }
    }

    #sendBytes(bytes) {
        if (!this.#hasSaidExiting) {
            sendAll(this.#fd, bytes);
        }
    }
}

/** Ends this process and all that it started: the runner has gone, or the two sides no longer agree. */
function endGroup() {
    process.kill(0, "SIGKILL");
}

module.exports = {
    shared, parts, sendAll, endGroup, Inbox, Outbox, READS, TURN, SLEEPS, WATCHES, READER, INBOX, FREE, MAIN, WATCH, READY,
};
