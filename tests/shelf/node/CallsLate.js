// "start" leaves a timer that fires while "wait" runs, in an exec that is not its own. Without either nothing happens.
const { Core, PV } = require("SR");

let answer = "not asked";
let gone;
const fired = new Promise((resolve) => (gone = resolve));

exports.main = async (args) => {
    if (args[0] === "start") {
        setTimeout(() => {
            Core.log(1, "from an old timer");
            answer = `${PV.get("$rm") ?? ""}${PV.setS("$var(old)", "called")}${PV.isNull("$rm")}`;
            gone();
        }, 300);
        return 0;
    }
    if (args[0] !== "wait") {
        return 0;
    }
    await fired;
    PV.setS("$var(answer)", answer);
    return PV.setS("$var(new)", "called") === 0 && answer === "-1-1" ? 0 : 2;
};
