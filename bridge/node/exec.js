// One exec: what came with it, and what is counted for it.
//
// A script never sees a wrong guess: a certain edit drops the values that it may have changed, and any other edit drops
// all values and all certainty.
"use strict";

const WORD = /^[A-Za-z0-9+*#._-]{1,256}$/;
const NO_TEXT = /[\0\ud800-\udfff]/;
const LONGEST_TEXT = 8 * 1024;

/** What the runner has learned of one entry: `Plan` in runner/scripts/foresight.py. */
class Plan {
    #nextRead = 0;
    #nextEdit = 0;

    /** @param plan {reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]} */
    constructor({ reads, edits }) {
        this.reads = reads.map(([call, name, group]) => ({ call, name, group }));
        this.edits = edits.map(([call, name, group, takes]) => ({ call, name, group, takesWordsOnly: takes !== "any" }));
    }

    /** The number of a value; -1 when the plan does not have it. */
    read(call, name) {
        const at = find(this.reads, call, name, this.#nextRead);
        this.#nextRead = at + 1;
        return at;
    }

    /** The number of an edit; -1 when the plan does not have it. */
    edit(call, target) {
        const at = find(this.edits, call, target, this.#nextEdit);
        this.#nextEdit = at + 1;
        return at;
    }
}

/** Starts after the one found last: a script almost always makes its calls in the same order. */
function find(among, call, name, next) {
    for (let i = 0, at = next; i < among.length; i++, at++) {
        at = at < among.length ? at : 0;
        if (among[at].name === name && among[at].call === call) {
            return at;
        }
    }
    return -1;
}

class Exec {
    #plan;
    #values;
    #certain;
    #changed = 0;

    /** The values that came ahead and were used, as bits. */
    used = 0;
    texts = 0;
    characters = 0;
    dropped = 0;
    hasExited = false;

    /** Whether main has begun. Before that, calls are as at load. */
    hasStarted = false;

    /** Ends it as if its main had thrown this; null while it does not wait for a promise. */
    fail = null;

    /** Nanoseconds that main waited for answers. */
    waited = 0n;
    #began = 0n;
    #came;

    /** @param outer the exec within which it runs; null for none */
    constructor(id, plan, params, outer) {
        const { values } = params;
        this.id = id;
        this.outer = outer;
        this.depth = outer === null ? 1 : outer.depth + 1;
        this.isProfiled = params.profile === true;
        this.isTraced = params.trace === true;
        this.#came = this.isProfiled ? process.hrtime.bigint() : 0n;
        this.#plan = plan !== null && values !== undefined && values.length === plan.reads.length ? plan : null;
        this.#values = values;
        this.#certain = params.certain ?? 0;
    }

    /** Main begins. */
    start() {
        this.hasStarted = true;
        this.#began = this.isProfiled ? process.hrtime.bigint() : 0n;
    }

    /** The innermost exec whose main has begun: this one, or one within which it runs; undefined when there is none. */
    started() {
        return this.hasStarted ? this : this.outer?.started();
    }

    /** Waits for a promise of main; other code may run meanwhile, and may call `fail`. */
    until(promise) {
        return new Promise((resolve, reject) => {
            this.fail = reject;
            promise.then(resolve, reject);
        });
    }

    /** Nanoseconds until main began, and of main without its waits. */
    spent() {
        const began = this.hasStarted ? this.#began : process.hrtime.bigint();
        return [began - this.#came, process.hrtime.bigint() - began - this.waited];
    }

    /** From now on the host is asked. */
    forget() {
        this.#plan = null;
    }

    /** A value that came ahead; undefined when it did not, or an edit may have changed it. */
    value(call, name) {
        const at = this.#plan === null ? -1 : this.#plan.read(call, name);
        if (at < 0 || (this.#changed >>> at & 1) !== 0 || this.#values[at] === false) {
            return undefined; // false: it could not be read ahead, or is too long
        }
        this.used |= 1 << at;
        return this.#values[at];
    }

    /** The number of an edit that cannot fail; -1 when the host has to be asked. */
    certainEdit(call, target, value) {
        const at = this.#plan === null ? -1 : this.#plan.edit(call, target);
        if (at < 0 || (this.#certain >>> at & 1) === 0) {
            return -1;
        }
        return typeof value !== "string" || takes(value, this.#plan.edits[at].takesWordsOnly) ? at : -1;
    }

    /** The values of its group may have changed. */
    edited(number) {
        const { group } = this.#plan.edits[number];
        for (let i = 0; group !== 0 && i < this.#plan.reads.length; i++) {
            this.#changed |= this.#plan.reads[i].group === group ? 1 << i : 0;
        }
    }
}

function takes(text, wordsOnly) {
    return wordsOnly ? WORD.test(text) : text.length > 0 && text.length <= LONGEST_TEXT && !NO_TEXT.test(text);
}

module.exports = { Plan, Exec };
