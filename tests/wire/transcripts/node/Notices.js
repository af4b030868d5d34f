const { Core, PV } = require("SR");

exports.main = () => {
    Core.log(2, "one\n");
    Core.err("two \u00e9\n");
    const user = PV.getS("$rU");
    Core.dbg(user ?? "null");
    return PV.setI("$var(n)", -5) + PV.isNull("$du");
};
