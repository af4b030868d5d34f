// What a script threw, described. It may be anything, and may itself throw when it is looked at.
"use strict";

function described(describe) {
    try {
        return String(describe());
    } catch {
        return "(no description: it threw an exception)";
    }
}

function typeOf(error) {
    return described(() => (error instanceof Error ? error.constructor.name || error.name : error === null ? "null" : typeof error));
}

function messageOf(error) {
    return described(() => (error instanceof Error ? error.message : error));
}

/** Its stack without the frames of the bridge and of Node's inside: they say nothing about the script. */
function stackOf(error) {
    const stack = described(() => (error instanceof Error ? error.stack : error));
    return stack
        .split("\n")
        .filter((line) => !line.includes(`${__dirname}/`) && !/^ {4}at (?:.* \()?node:/.test(line))
        .join("\n");
}

function isOutOfMemory(error) {
    return typeOf(error) === "RangeError" && /allocation failed/.test(messageOf(error));
}

function isPromise(value) {
    return typeof value === "object" && value !== null && typeof value.then === "function";
}

module.exports = { isOutOfMemory, isPromise, messageOf, stackOf, typeOf };
