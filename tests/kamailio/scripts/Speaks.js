// Does what Speaks.cs does.
const { Core, HDR, KSR, PV } = require("SR");

function tell(name, value) {
    Core.log(1, `${name}: ${value}\n`);
}

exports.main = (args) => {
    tell("argument", args.length === 0 ? "none" : args[0]);
    const asked = ["$rm", "$ru", "$rU", "$fu", "$ci", "$cs", "$si", "$ua", "$hdr(Subject)", "$hdr(X-Bytes)"];
    for (const name of [...asked, "$var(old)", "$nothing"]) {
        tell(name, PV.get(name));
    }
    tell("integers", `${PV.getI("$cs")} ${PV.getI("$rU")} ${PV.getI("$nothing")}`);
    tell("nulls", `${PV.isNull("$ua")} ${PV.isNull("$rU")} ${PV.isNull("$nothing")}`);

    const odd = PV.get("$hdr(X-Bytes)") ?? "none";
    tell("set", `${PV.setS("$rU", "new")} ${PV.setS("$var(odd)", odd)} ${PV.setI("$var(number)", -7)}`);
    const notSet = [PV.setS("$nothing", "x"), PV.setS("$si", "x"), PV.setI("$nothing", 1)];
    tell("not set", [...notSet, PV.setS("$ru", "\udc80\ud800")].join(" "));
    const again = [PV.setS("$avp(kept)", "one"), PV.setS("$var(gone)", "two"), PV.unset("$var(gone)")];
    tell("set again", [...again, PV.unset("$nothing")].join(" "));
    for (const name of ["$ru", "$rU", "$var(odd)", "$var(number)", "$avp(kept)", "$var(gone)"]) {
        tell(name, PV.get(name));
    }
    const headers = [HDR.append(`X-Odd: <${odd}>\r\n`), HDR.insert(`X-First: ${PV.get("$ci")}\r\n`)];
    tell("headers", [...headers, HDR.remove("Subject"), HDR.appendToReply(`X-Reply: ${odd}\r\n`)].join(" "));
    tell("no headers", `${HDR.append("no header")} ${HDR.remove("X-Not-There")} ${HDR.append("")}`);
    const functions = [Core.modF("has_totag"), Core.modF("no_such_function"), Core.modF("is_method", "INVITE")];
    tell("functions", functions.join(" "));
    tell("kemi", `${KSR.pv.get("$ci")} ${KSR.hdr.append(`X-Kemi: ${odd}\r\n`)}`);
    Core.err(`an error of ${PV.get("$rm")}\n`);
    Core.dbg("not seen at this level\n");
    PV.setS("$var(told)", "told " + odd);
    return PV.get("$fU") === "alice" ? PV.getI("$cs") - 1 : 404;
};
