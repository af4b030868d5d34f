const { Worker } = require("worker_threads");

exports.main = () => {
    new Worker("setInterval(() => {}, 1000)", { eval: true });
    return 0;
};
