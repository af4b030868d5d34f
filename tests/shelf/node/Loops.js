// It loops; with a parameter it returns at once.
const { Core } = require("SR");

exports.main = (args) => {
    if (args.length > 0) return 0;
    Core.log(1, "last words");
    for (;;) {}
};
