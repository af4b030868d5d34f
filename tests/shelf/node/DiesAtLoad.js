process.kill(process.pid, "SIGKILL");

exports.main = () => 0;
