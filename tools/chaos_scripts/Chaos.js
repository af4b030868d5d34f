const fs = require("node:fs");
const { Worker } = require("node:worker_threads");
const { Core, HDR, KSR, PV } = require("SR");

function main() {
    switch (PV.get("$rU")) {
        case "throws":
            throw new Error("chaos");
        case "loops":
            for (;;) {
            }
        case "exits":
            process.exit(3);
            break;
        case "dies":
            process.kill(process.pid, "SIGKILL");
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10000);
            break;
        case "threads":
            for (let i = 0; i < 5; i++) {
                new Worker("setTimeout(() => {}, 50)", { eval: true });
            }
            break;
        case "nests":
            for (let i = 0; i < 1500; i++) {
                fs.mkdirSync("d");
                process.chdir("d");
            }
            break;
        case "floods":
            for (let i = 0; i < 20000; i++) {
                Core.log(3, `flood ${i}`);
                console.log(`flood ${i}`);
            }
            break;
    }
    HDR.appendToReply("X-Build: 0000\r\n");
    return 0;
}

exports.main = main;

exports.ksr_request_route = () => {
    main();
    KSR.sl.sl_send_reply(200, "OK");
};
