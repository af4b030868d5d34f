// Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
// The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.
//
// Try it:          app-mono exec examples/NumberLookup.js $PWD/examples/numbers.txt --message examples/messages/invite.sip
// As a SIP server: app-mono serve --sip udp:127.0.0.1:5060 --exec examples/NumberLookup.js \
//                      --param $PWD/examples/numbers.txt --on-false 'reply:$var(code):$var(reason)'
// Routing script:  if (!mono_exec("/etc/kamailio/mono/NumberLookup.js", "/etc/kamailio/numbers.txt")) { sl_send_reply("$var(code)", "$var(reason)"); exit; }
const fs = require("fs");
const { Core, HDR, PV } = require("SR");

const TRUE = 0;
const FALSE = 1;

// What a module keeps lives from call to call.
let numbers = new Map();
let written = -1;

exports.main = function (args) {
    if (args.length !== 1) {
        Core.err("NumberLookup: expected the table's path as its argument\n");
        return answer(500, "Server Internal Error");
    }
    const method = PV.get("$rm");
    if (method === "ACK") {
        return TRUE;
    }
    if (method !== "INVITE" && method !== "OPTIONS") {
        // A caller that was redirected ends the call at its new place, not here.
        return answer(481, "Call/Transaction Does Not Exist");
    }
    refresh(args[0]);
    const number = PV.get("$rU") ?? "";
    const target = numbers.get(number);
    if (target === undefined) {
        Core.log(1, "unknown number: " + number + "\n");
        return answer(404, "Not Found");
    }
    HDR.appendToReply("Contact: <" + target + ">\r\n");
    return answer(302, "Moved Temporarily");
};

function answer(code, reason) {
    PV.setI("$var(code)", code);
    PV.setS("$var(reason)", reason);
    return FALSE;
}

function refresh(table) {
    const now = fs.statSync(table).mtimeMs;
    if (now === written) {
        return;
    }
    const read = new Map();
    for (const line of fs.readFileSync(table, "utf8").split("\n")) {
        const words = line.split(/[ \t\r]+/).filter((word) => word !== "");
        if (words.length === 2) {
            read.set(words[0], words[1]);
        }
    }
    numbers = read;
    written = now;
}
