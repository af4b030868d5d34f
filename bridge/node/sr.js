// What a script sees of the SIP server: require("SR"), or import from "SR". lib/SR.cs has the meanings.
//
// No function of Core, PV and HDR throws: a call that fails gives its error value. A function of KSR that was not called
// throws a KsrError.
"use strict";

const CANNOT_RUN = -127;
const FAILED = -1;
const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;

/** A call that Kamailio did not make. The message says why, and what to do about it. */
class KsrError extends Error {
    get name() {
        return "KsrError";
    }
}

/** Each argument that is a number or a truth value becomes a text. */
function text(of) {
    return typeof of === "number" || typeof of === "boolean" || typeof of === "bigint" ? String(of) : of;
}

function isText(of) {
    return typeof of === "string";
}

function isInt(of) {
    return Number.isInteger(of) && of >= MIN_INT && of <= MAX_INT;
}

function toNumber(answer, errorValue) {
    return typeof answer === "number" ? answer | 0 : errorValue;
}

/** The module of one set of calls. */
function surface(calls) {
    const read = (call, errorValue) => (name) =>
        isText(name) ? toNumber(calls.read(call, name), errorValue) : errorValue;
    const editHeaders = (call) => (header) =>
        isText(header) ? toNumber(calls.edit(call, "", header), FAILED) : FAILED;
    const getS = (name) => {
        const value = isText(name) ? calls.read("PV.GetS", name) : null;
        return isText(value) ? value : null;
    };
    const log = (level, message) => {
        const written = text(message);
        if (isInt(level) && isText(written)) {
            calls.log(level, written);
        }
    };

    const Core = {
        apiVersion: () => "1.0",
        log,
        err: (message) => log(-1, message),
        dbg: (message) => log(3, message),
        modF: (name, ...values) => {
            const texts = values.map(text);
            return isText(name) && texts.every(isText)
                ? toNumber(calls.command("Core.ModF", name, texts), CANNOT_RUN)
                : CANNOT_RUN;
        },
    };
    const PV = {
        get: getS,
        getS,
        getI: read("PV.GetI", 0),
        setS: (name, value) => {
            const written = text(value);
            return isText(name) && isText(written) ? toNumber(calls.edit("PV.SetS", name, written), FAILED) : FAILED;
        },
        setI: (name, value) =>
            isText(name) && isInt(value) ? toNumber(calls.edit("PV.SetI", name, value), FAILED) : FAILED,
        unset: (name) => (isText(name) ? toNumber(calls.command("PV.Unset", name), FAILED) : FAILED),
        isNull: read("PV.IsNull", FAILED),
    };
    const HDR = {
        append: editHeaders("HDR.Append"),
        remove: editHeaders("HDR.Remove"),
        insert: editHeaders("HDR.Insert"),
        appendToReply: editHeaders("HDR.AppendToReply"),
    };
    for (const part of [Core, PV, HDR]) {
        for (const name of Object.keys(part)) {
            part[name[0].toUpperCase() + name.slice(1)] = part[name]; // as in C#
        }
    }
    Core.APIVersion = Core.apiVersion;
    return Object.freeze({
        Core: Object.freeze(Core),
        PV: Object.freeze(PV),
        HDR: Object.freeze(HDR),
        KSR: ksr(calls),
        KsrError,
    });
}

/** KSR: KSR.tm.t_relay() and KSR.info("x"), by their names, which nobody lists here. */
function ksr(calls) {
    const called = (name) => (...values) => {
        values.forEach((value, at) => {
            if (!isText(value) && !Number.isSafeInteger(value) && typeof value !== "boolean") {
                const got = value === null || value === undefined ? "nothing" : `${typeof value} ${String(value)}`;
                throw new KsrError(
                    `KSR.${name}: expected a text, a whole number or a truth value as argument ${at + 1}, got ${got}`,
                );
            }
        });
        const answer = calls.ksr(name, values);
        if (calls.refusal !== null) {
            throw new KsrError(calls.refusal);
        }
        return answer;
    };
    const x = Object.freeze({
        exit: () => calls.exit(),
        drop: () => {
            calls.ksr("set_drop", []);
            calls.exit(true);
        },
        modf: () => {
            throw new KsrError("KSR.x.modf crashes Kamailio: call KSR.module.function(...), or Core.modF(name, ...)");
        },
    });
    // Each name is a function, and a module that has functions: which of the two it is, only Kamailio knows.
    const named = (target, known, made) =>
        new Proxy(target, {
            get: (_, name) => (typeof name === "string" && name !== "then" ? (known[name] ??= made(name)) : undefined),
            set: () => false,
        });
    const known = Object.assign(Object.create(null), { x });
    return named({}, known, (name) =>
        named(called(name), Object.create(null), (inner) => called(`${name}.${inner}`)),
    );
}

module.exports = { surface };
