const { HDR, PV } = require("SR");

exports.main = () => HDR.append("X-Copy: " + PV.get("$hdr(X-Odd)") + "\r\n");
