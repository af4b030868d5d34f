const { Core, PV } = require("SR");

exports.main = () => {
    Core.log(PV.setS("$ru", "x"), PV.getS("$nope") ?? "null");
    Core.log(PV.getI("$nope"), "GetI");
    return Core.modF("sl_send_reply");
};
