// Ends its own process without a word, as a crash would.
exports.main = () => {
    process.kill(process.pid, "SIGKILL");
};
