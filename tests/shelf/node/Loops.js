const { Core } = require("SR");

exports.main = () => {
    Core.log(1, "last words");
    for (;;) {}
};
