const { PV } = require("SR");

exports.main = () => {
    PV.setS("$rU", "before");
    process.exit(3);
};
