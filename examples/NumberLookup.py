"""
Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.

Try it:          app-mono exec examples/NumberLookup.py $PWD/examples/numbers.txt --message examples/messages/invite.sip
As a SIP server: app-mono serve --sip udp:127.0.0.1:5060 --exec examples/NumberLookup.py \
                     --param $PWD/examples/numbers.txt --on-false 'reply:$var(code):$var(reason)'
Routing script:  if (!mono_exec("/etc/kamailio/mono/NumberLookup.py", "/etc/kamailio/numbers.txt")) {
                     sl_send_reply("$var(code)", "$var(reason)"); exit; }
"""

import os

from SR import HDR, PV, Core

TRUE, FALSE = 0, 1

# Globals live from call to call.
numbers = {}
written = None


def main(args):
    if len(args) != 1:
        Core.err("NumberLookup: expected the table's path as its argument\n")
        return answer(500, "Server Internal Error")
    method = PV.get("$rm")
    if method == "ACK":
        return TRUE
    if method not in ("INVITE", "OPTIONS"):
        # A caller that was redirected ends the call at its new place, not here.
        return answer(481, "Call/Transaction Does Not Exist")
    refresh(args[0])
    number = PV.get("$rU") or ""
    target = numbers.get(number)
    if target is None:
        Core.log(1, f"unknown number: {number}\n")
        return answer(404, "Not Found")
    HDR.append_to_reply(f"Contact: <{target}>\r\n")
    return answer(302, "Moved Temporarily")


def answer(code, reason):
    PV.set_i("$var(code)", code)
    PV.set_s("$var(reason)", reason)
    return FALSE


def refresh(table):
    global numbers, written
    now = os.stat(table).st_mtime_ns
    if now == written:
        return
    with open(table, encoding="utf-8") as lines:
        numbers = dict(words for words in map(str.split, lines) if len(words) == 2)
    written = now
