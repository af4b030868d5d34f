// "start" leaves a timer that fires while "wait" runs, in an exec that is not its own. Without either nothing happens.
const { PV } = require("SR");

let got = 1;
let gone;
const fired = new Promise((resolve) => (gone = resolve));

exports.main = async (args) => {
    if (args[0] === "start") {
        setTimeout(() => {
            got = PV.setS("$var(old)", "called");
            gone();
        }, 300);
        return 0;
    }
    if (args[0] !== "wait") {
        return 0;
    }
    await fired;
    return PV.setS("$var(new)", "called") === 0 && got === -1 ? 0 : 2;
};
