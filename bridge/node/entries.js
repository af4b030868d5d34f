// What an exec may run of a build: main, and every other function that it exports.
"use strict";

const { InvalidScript } = require("./modules.js");

const MOST = 1000; // runner/wire/session.py, MAX_ENTRIES
const NAME = /^[A-Za-z0-9_]{1,200}$/;
const NOTHING = 0;

// Where main is: exported by this name, or all that there is, or the default.
const MAINS = [(of) => of?.main, (of) => of, (of) => of?.default, (of) => of?.default?.main];

/** The entries of a build, found again in what it exports for each exec. */
class Entries {
    #build;
    #byName = new Map();
    #main;

    constructor(build) {
        const exported = build.exports;
        this.#build = build;
        const way = MAINS.find((each) => isFunction(each(exported)));
        this.#main = way && new Entry(build, undefined, way);
        const isObject = typeof exported === "object" && exported !== null;
        for (const name of isObject ? Object.keys(exported) : []) {
            const isOne = name !== "main" && name !== "default" && NAME.test(name) && isEntry(exported[name]);
            if (isOne && this.#byName.size < MOST) {
                this.#byName.set(name, new Entry(build, name, (of) => of[name]));
            }
        }
        if (this.#main === undefined && this.#byName.size === 0) {
            throw new InvalidScript(`${build.path}: it exports no function main(args), and none that an exec could name`);
        }
    }

    get names() {
        return [...this.#byName.keys()];
    }

    /** The entry of that name; undefined is main. Undefined when there is none. */
    find(name) {
        return name === undefined ? this.#main : this.#byName.get(name);
    }
}

class Entry {
    #build;
    #name;
    #way;

    /** The runner's plan for it; null before there is one. */
    plan = null;

    /** @param way from what the build exports to the function */
    constructor(build, name, way) {
        this.#build = build;
        this.#name = name;
        this.#way = way;
    }

    /** Runs it. `param`: a text; undefined for none. */
    run(param) {
        const run = this.#way(this.#build.exports);
        return this.#name !== undefined ? run(param ?? null) : run(param === undefined ? [] : [param]);
    }

    /** What its result means. Throws when main gave what is none. */
    codeOf(result) {
        if (Number.isInteger(result) && result === (result | 0)) {
            return result;
        }
        if (this.#name !== undefined || result === undefined || result === null) {
            return NOTHING;
        }
        throw new TypeError(`expected main to return a whole number of 32 bits, or nothing, got ${shown(result)}`);
    }
}

function shown(value) {
    return typeof value === "object" || typeof value === "function" ? `a value of type ${typeof value}` : String(value);
}

function isFunction(value) {
    return typeof value === "function" && !/^class\b/.test(Function.prototype.toString.call(value));
}

function isEntry(value) {
    return isFunction(value) && value.length <= 1;
}

module.exports = { Entries };
