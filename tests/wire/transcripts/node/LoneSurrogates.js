const { Core, PV } = require("SR");

exports.main = () => {
    const refused = PV.setS("$var(x)", "a\ud800b");
    Core.log(refused, "a\ud800b\udc41c\udc80d");
    return refused;
};
