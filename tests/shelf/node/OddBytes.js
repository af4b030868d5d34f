const { Core, PV } = require("SR");

exports.main = () => {
    Core.log(1, "log \ud800 goes on");
    const high = PV.setS("$var(x)", "\ud800");
    const low = PV.setS("$var(x)", "\udc00");
    const bytes = PV.setS("$var(bytes)", "\udc80\udcff");
    const pair = PV.setS("$var(pair)", "\ud83d\ude00");
    PV.setS("$var(got)", `${high} ${low} ${bytes} ${pair}`);
    return 0;
};
