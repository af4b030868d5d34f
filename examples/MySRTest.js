const { Core, PV, HDR } = require("SR");

exports.main = function (args) {
    Core.log(1, "Kamailio API Version: " + Core.apiVersion() + "\n");
    if (args.length === 1) {
        Core.log(1, "Parameter from Kamailio config: " + args[0] + "\n");
    }
    Core.dbg("Request URI is: " + (PV.get("$ru") ?? "") + "\n");
    PV.setS("$rU", "123");
    HDR.appendToReply("My-Mono-Hdr: ok\r\n");
    return 1;
};
