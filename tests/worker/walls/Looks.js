// Does what its argument says, and logs what came of it.
const child_process = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const { Worker } = require("node:worker_threads");
const { Core } = require("SR");

let count = 0;
const kept = [];

function tried(deed, done) {
    try {
        const value = deed();
        return done ?? value;
    } catch {
        return "refused";
    }
}

function connects(address) {
    const [host, port] = address.split(" ");
    return new Promise((resolve) => {
        const socket = net.connect(Number(port), host);
        socket.on("connect", () => { socket.destroy(); resolve("connected"); });
        socket.on("error", () => resolve("refused"));
    });
}

function files() {
    const opened = [];
    tried(() => { while (opened.length < 1000) { opened.push(fs.openSync("/dev/null")); } });
    opened.forEach((file) => fs.closeSync(file));
    return opened.length;
}

async function processes() {
    const started = [];
    tried(() => {
        while (started.length < 100) {
            const process = child_process.spawn("/bin/sleep", ["60"], { stdio: "ignore" });
            if (process.pid === undefined) {
                process.on("error", () => {});
                break;
            }
            started.push(process);
        }
    });
    const ended = started.map((process) => new Promise((resolve) => process.on("exit", resolve)));
    started.forEach((process) => process.kill("SIGKILL"));
    await Promise.all(ended);
    return started.length;
}

function spin() {
    Core.log(1, "last words");
    for (;;) {
    }
}

function dies() {
    process.kill(process.pid, "SIGKILL");
    for (;;) {
    }
}

const DEEDS = {
    write: (path) => tried(() => fs.writeFileSync(path, "x"), "written"),
    read: (path) => tried(() => fs.readFileSync(path, "utf8")),
    variables: (names) => names.split(" ").filter((name) => name in process.env).join(" "),
    files,
    processes,
    connects,
    memory: (mib) => { kept.push(Buffer.alloc(Number(mib) * 1048576, 1)); return "allocated"; },
    allocates: (mib) => tried(() => Buffer.alloc(Number(mib) * 1048576, 1), "allocated"),
    leaves: () => { new Worker("setInterval(() => {}, 1000)", { eval: true }); return "left"; },
    loops: spin,
    dies,
    count: () => count,
};

exports.main = async (args) => {
    count++;
    const blank = `${args[0]} `.indexOf(" ");
    Core.log(1, String(await DEEDS[args[0].slice(0, blank)](args[0].slice(blank + 1))));
    return 0;
};
