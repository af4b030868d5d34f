// Texts and lines as JSON. What leaves is ASCII only; lone surrogates U+DC80..U+DCFF stand for bytes (PEP 383).
"use strict";

const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[^ -~]/g;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udc7f\udd00-\udfff]/g;

/** A text as JSON; null when it has a lone surrogate that stands for no byte. */
function quoted(text) {
    if (PLAIN.test(text)) {
        return `"${text}"`;
    }
    if (text.search(LONE) >= 0) {
        return null;
    }
    return escaped(JSON.stringify(text));
}

/** The text with U+FFFD for each lone surrogate that stands for no byte. */
function repaired(text) {
    return text.replace(LONE, "\ufffd");
}

/** A text, a number or a truth value as JSON; null as of `quoted`. */
function value(of) {
    return typeof of === "string" ? quoted(of) : String(of);
}

/** Values as JSON, separated by commas; null when one of them is null. */
function list(values) {
    return values.includes(null) ? null : values.join(",");
}

/** An object as JSON; a lone surrogate that stands for no byte becomes U+FFFD in its texts. */
function object(of) {
    return escaped(JSON.stringify(of, (_, each) => (typeof each === "string" ? repaired(each) : each)));
}

function escaped(json) {
    return json.replace(NOT_ASCII, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/** The message on a line; undefined when it is none. It has only what the line says: a script may change prototypes. */
function parsed(line) {
    try {
        const found = JSON.parse(line);
        if (typeof found !== "object" || found === null) {
            return undefined;
        }
        if (typeof found.params === "object" && found.params !== null) {
            Object.setPrototypeOf(found.params, null);
        }
        return Object.setPrototypeOf(found, null);
    } catch {
        return undefined;
    }
}

module.exports = { quoted, repaired, value, list, object, parsed };
