// The calls of a script: answered from what came with the exec, as a certain edit, or by asking over the wire.
//
// A call counts only when it belongs to the running exec: made while its main runs, or in a callback or behind an await
// that descends from it. Every other call gets its error value and never touches the wire. So does everything at load.
"use strict";

const { AsyncLocalStorage } = require("async_hooks");
const json = require("./json.js");
const { Plan, Exec } = require("./exec.js");
const { placeOfCall } = require("./places.js");

const MOST_ARGUMENTS = 6; // runner/calls.py, MOST_ARGUMENTS
const MAX_DEPTH = 8; // runner/wire/session.py, MAX_DEPTH

// Texts of one exec that reach the log. runner/worker/outcome.py allows one text more, and some characters more: the
// text that says how many were dropped.
const MAX_TEXTS = 999;
const MAX_TEXT_CHARACTERS = 1024 * 1024 - 100;

const STACK_FRAMES = 100; // more than a call needs

const LEVELS = new Map([["crit", -2], ["err", -1], ["warn", 0], ["notice", 1], ["info", 2], ["dbg", 3]]);

// Functions that make the same edit as another call: the type of their second argument, and what they give. KSR_EDITS in
// runner/calls.py.
const KSR_EDITS = new Map([
    ["pv.sets", { call: "PV.SetS", kind: "string", gives: true }],
    ["pv.seti", { call: "PV.SetI", kind: "number", gives: true }],
    ["hdr.append", { call: "HDR.Append", kind: "undefined", gives: 1 }],
    ["hdr.append_to_reply", { call: "HDR.AppendToReply", kind: "undefined", gives: 1 }],
]);

const NOT_SENT = "its arguments are too long or too many, or are no text that can be written";

/** What KSR.x.exit() throws. It is no Error, so that a script that catches errors by their class lets it pass. */
const EXIT = Object.freeze({ toString: () => "KSR.x.exit()" });

class Calls {
    #inbox;
    #outbox;
    #maxLineBytes;
    #lost;
    #questions = 0;
    #context = new AsyncLocalStorage();

    /** The exec that runs now, the innermost of several; null between execs. */
    exec = null;

    /** Runs an exec that came while another one waits for an answer: a request. Set by the bridge. */
    runWithin = null;

    /** Why the last question has no result: the runner's sentence; null when it has one. */
    refusal = null;

    /** @param lost ends the process, with the reason */
    constructor(inbox, outbox, maxLineBytes, lost) {
        this.#inbox = inbox;
        this.#outbox = outbox;
        this.#maxLineBytes = maxLineBytes;
        this.#lost = lost;
    }

    /** From now on calls are answered. */
    begin(id, plan, params) {
        this.exec = new Exec(id, plan, params, this.exec);
        this.#context.enterWith(this.exec);
        return this.exec;
    }

    /** From now on calls are those of the exec within which this one ran, or of none. */
    end() {
        const { exec } = this;
        if (exec.dropped > 0) {
            this.#outbox.notice(log(0, `"${exec.dropped} more texts were dropped\\n"`));
        }
        this.exec = exec.outer;
        this.#context.enterWith(exec.outer);
    }

    /** The exec to which the code that runs now belongs; null when that one does not run any more, or there is none. */
    current() {
        const { exec } = this;
        const runs = exec !== null && exec.hasStarted;
        return runs && (exec.fail === null || this.#context.getStore() === exec) ? exec : null;
    }

    /** Something threw that nobody catches: it ends the exec to which it belongs. False when that does not run now. */
    failed(error) {
        const of = this.#context.getStore() ?? this.exec;
        if (of === null || of !== this.exec || of.fail === null) {
            return false;
        }
        of.fail(error);
        return true;
    }

    log(level, text) {
        const exec = this.current();
        if (exec === null) {
            return;
        }
        reach(STACK_FRAMES);
        const rest = MAX_TEXT_CHARACTERS - exec.characters;
        if (exec.dropped > 0 || exec.texts === MAX_TEXTS || rest === 0) {
            exec.dropped++;
            return;
        }
        const longest = Math.min(rest, this.#maxLineBytes >> 3);
        const written = text.length > longest ? text.slice(0, longest) : text;
        exec.texts++;
        exec.characters += written.length;
        const place = exec.isTraced ? placeOfCall() : "";
        this.#outbox.notice(log(level, json.quoted(written) ?? json.quoted(json.repaired(written)), place));
    }

    /** A call that changes nothing, for example PV.GetS. Null when it failed or was refused. */
    read(call, name) {
        const exec = this.#callable();
        if (exec === null) {
            return null;
        }
        const value = exec.value(call, name);
        return value !== undefined ? value : this.#ask(call, json.quoted(name));
    }

    /** An edit: of the variable `target`, or of headers where it is "". 0 when it was made, null when not. */
    edit(call, target, value) {
        const exec = this.#callable();
        if (exec === null) {
            return null;
        }
        const written = typeof value === "string" ? json.quoted(value) : String(value);
        if (this.#edit(exec, call, target, value, written)) {
            return 0;
        }
        exec.forget();
        return this.#ask(call, target === "" ? written : json.list([json.quoted(target), written]));
    }

    /** A call that may change anything: PV.Unset, Core.ModF, a function of KEMI that is neither read nor edit. */
    command(call, name, values = []) {
        const exec = this.#callable();
        if (exec === null) {
            return null;
        }
        exec.forget();
        return values.length > MOST_ARGUMENTS ? null : this.#ask(call, json.list([name, ...values].map(json.value)));
    }

    /** A function of KEMI. `refusal` is not null when it was not called. */
    ksr(name, values) {
        this.refusal = null;
        if (values.length === 1 && typeof values[0] === "string" && LEVELS.has(name)) {
            this.log(LEVELS.get(name), values[0]);
            return null;
        }
        const exec = this.#callable();
        if (exec === null) {
            this.refusal = `KSR.${name}: no exec is running, or this code is left over from an earlier one`;
            return null;
        }
        const [first = "", second] = values;
        const edit = KSR_EDITS.get(name);
        if (edit === undefined && values.length < 2 && typeof first === "string") {
            const value = exec.value(name, first);
            if (value !== undefined) {
                return value;
            }
        } else if (edit !== undefined && typeof first === "string" && typeof second === edit.kind) {
            const [target, value] = edit.kind === "undefined" ? ["", first] : [first, second];
            const written = typeof value === "string" ? json.quoted(value) : String(value);
            if (this.#edit(exec, edit.call, target, value, written)) {
                return edit.gives;
            }
        }
        exec.forget();
        const list = values.length > MOST_ARGUMENTS ? null : json.list(values.map(json.value));
        const answer = this.#ask("KSR", list === null ? null : json.list([json.quoted(name), `[${list}]`]));
        if (this.refusal === NOT_SENT) {
            this.refusal = `KSR.${name}: ${NOT_SENT}`;
        }
        return answer;
    }

    /** The hash of the copy of a file beside the script; null when there is none, or no exec is running. */
    find(name) {
        return this.#callable() === null ? null : this.#ask("Helper.Find", json.quoted(name));
    }

    /** Ends the script, from any depth; nothing outside an exec. */
    exit(drops = false) {
        const exec = this.current();
        if (exec !== null) {
            if (exec.isTraced && !drops) { // a trace has the end as well
                this.ksr("x.exit", []);
            }
            exec.hasExited = true;
            throw EXIT;
        }
    }

    /** The running exec, for a call other than a log text. A script that has caught its own exit goes no further. */
    #callable() {
        const exec = this.current();
        if (exec !== null && exec.hasExited) {
            throw EXIT;
        }
        reach(STACK_FRAMES);
        return exec;
    }

    /** Adds a certain edit to those that wait. False: it is not certain, and the host has to be asked. */
    #edit(exec, call, target, value, written) {
        const number = written === null ? -1 : exec.certainEdit(call, target, value);
        if (number < 0 || !this.#outbox.edit(`[${number},${written}]`)) {
            return false;
        }
        exec.edited(number);
        return true;
    }

    /** Asks the runner and waits. `params`: JSON; null when there is a text in it that cannot be written. */
    #ask(method, params) {
        this.refusal = null;
        const { exec } = this;
        const id = this.#questions + 1;
        const place = exec.isTraced ? placeOfCall() : "";
        const message = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":[${params}]${place}}`;
        if (params === null || message.length >= this.#maxLineBytes - 4) {
            this.refusal = NOT_SENT;
            return null;
        }
        this.#questions = id;
        const asked = exec.isProfiled ? process.hrtime.bigint() : 0n;
        this.#outbox.turn(message);
        const answer = this.#answer(id);
        if (exec.isProfiled) {
            exec.waited += process.hrtime.bigint() - asked;
        }
        if ("result" in answer) {
            return answer.result;
        }
        this.refusal = String(answer.error?.message ?? "the call was refused");
        return null;
    }

    /** The answer to a question. Before it other execs may come, which run within this one. */
    #answer(id) {
        const { exec } = this;
        for (;;) {
            const message = json.parsed(this.#inbox.line());
            if (message?.method === "exec" && exec.depth < MAX_DEPTH) {
                this.runWithin(message);
                exec.forget(); // what came with this exec does not count any more
                this.#context.enterWith(exec);
                continue;
            }
            if (message?.id !== id || "method" in message) {
                this.#lost(`expected the answer to question ${id}`);
            }
            return message;
        }
    }
}

/** Throws when the stack is nearly full: a call must not fail between a question and its answer. */
function reach(frames) {
    return frames === 0 ? 0 : 1 + reach(frames - 1);
}

function log(level, text, place = "") {
    return `{"jsonrpc":"2.0","method":"Core.Log","params":[${level},${text}]${place}}`;
}

module.exports = { Calls, Plan, EXIT };
