// It waits until somebody writes to the pipe that the parameter names.
const fs = require("fs");

exports.main = (args) => {
    fs.readFileSync(args[0]);
    return 41;
};
