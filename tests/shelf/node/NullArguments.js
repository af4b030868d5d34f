const { Core, HDR, PV } = require("SR");

exports.main = () => {
    Core.log(1, null);
    Core.err(null);
    Core.dbg(null);
    PV.setS(
        "$var(got)",
        [
            PV.getS(null) ?? "null", PV.getI(null), PV.setS(null, "x"), PV.setS("$var(x)", null), PV.setI(null, 1),
            PV.unset(null), PV.isNull(null), HDR.append(null), HDR.remove(null), HDR.insert(null),
            HDR.appendToReply(null), Core.modF(null),
        ].join(" "),
    );
    return 0;
};
