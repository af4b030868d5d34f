const { Core } = require("SR");

exports.main = (args) => {
    Core.log(1, "before exit");
    process.exit(Number(args[0]));
};
