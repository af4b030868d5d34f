const { spawnSync } = require("child_process");

exports.main = () => {
    console.log("from the console");
    console.error("from the error stream");
    process.stdout.write('{"jsonrpc":"2.0","id":2,"result":{"code":0}}\n');
    spawnSync("/bin/echo", ["from a child"], { stdio: "inherit" });
    return 3;
};
