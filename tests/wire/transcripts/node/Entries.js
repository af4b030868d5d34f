const { PV } = require("SR");

let runs = 0;

exports.request = (name) => PV.setS("$var(name)", name ?? "none") + ++runs;

exports.branch = () => {
    PV.setI("$var(runs)", ++runs);
};

exports.main = () => 40 + runs;
