const { Core } = require("SR");

exports.main = () => {
    Core.log(0, "last words");
    throw new Error("boom");
};
