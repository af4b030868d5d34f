const { PV, HDR } = require("SR");

exports.main = function () {
    const uri = PV.getS("$ru");
    PV.setS("$rU", "123");
    return HDR.appendToReply("X-Script: ok\r\n") === 0 && uri !== null ? 0 : 1;
};
