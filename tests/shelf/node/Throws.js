const { PV } = require("SR");

exports.main = () => {
    PV.setS("$var(x)", "set before");
    throw new RangeError("boom");
};
