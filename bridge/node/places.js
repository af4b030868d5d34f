// Where in a script a call is made, for an exec that is traced.
"use strict";

const { fileURLToPath } = require("url");
const json = require("./json.js");

const LONGEST_FILE = 4096; // runner/wire/session.py, LONGEST_FILE

/** The place of the call that is being made, as a member of its message; empty where no frame is of the script. */
function placeOfCall() {
    const { prepareStackTrace, stackTraceLimit } = Error; // which a script may have set
    Error.prepareStackTrace = (_, sites) => sites;
    Error.stackTraceLimit = Infinity;
    const sites = new Error().stack;
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
    for (const site of sites) {
        const name = site.getFileName() ?? "";
        const file = name.startsWith("file://") ? fileURLToPath(name) : name;
        if (file.startsWith("/") && !file.startsWith(`${__dirname}/`) && file.length <= LONGEST_FILE) {
            return `,"at":[${json.quoted(json.repaired(file))},${site.getLineNumber()}]`;
        }
    }
    return "";
}

module.exports = { placeOfCall };
