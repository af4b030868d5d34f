const { PV } = require("SR");

exports.main = (args) => {
    PV.setS("$var(param)", args[0]);
    return PV.setS("$var(out)", PV.getS("$var(in)"));
};
