from SR import HDR, PV, Core


def main(args):
    Core.log(1, "Kamailio API Version: " + Core.api_version() + "\n")
    if len(args) == 1:
        Core.log(1, "Parameter from Kamailio config: " + args[0] + "\n")
    Core.dbg("Request URI is: " + (PV.get("$ru") or "") + "\n")
    PV.set_s("$rU", "123")
    HDR.append_to_reply("My-Mono-Hdr: ok\r\n")
    return 1
