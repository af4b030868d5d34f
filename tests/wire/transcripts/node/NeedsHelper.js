const H = require("./H.js");

exports.main = () => H.version();
