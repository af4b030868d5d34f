// Makes the calls that a file lists, in order, and notes what each returned, as tests/kamailio/scripts/PlaysSteps.cs does.
const fs = require("fs");
const { Core, HDR, PV } = require("SR");

const CALLS = {
    "Core.Log": (level, text) => Core.log(Number(level), text),
    "Core.ModF": Core.modF,
    "PV.GetS": PV.getS,
    "PV.GetI": PV.getI,
    "PV.SetS": PV.setS,
    "PV.SetI": (name, number) => PV.setI(name, Number(number)),
    "PV.Unset": PV.unset,
    "PV.IsNull": PV.isNull,
    "HDR.Append": HDR.append,
    "HDR.Insert": HDR.insert,
    "HDR.Remove": HDR.remove,
    "HDR.AppendToReply": HDR.appendToReply,
};

// The first character is a marker, so that an empty text is a word as well.
const text = (units) => Buffer.from(units.slice(1), "hex").swap16().toString("utf16le");

function shown(answer) {
    if (answer === undefined || answer === null) return "n";
    return typeof answer === "number" ? `i:${answer}` : `s:${Buffer.from(answer, "utf16le").swap16().toString("hex")}`;
}

exports.main = (args) => {
    if (!fs.existsSync(args[0])) return;
    const lines = fs.readFileSync(args[0], "ascii").trimEnd().split("\n");
    const answers = lines.map((line) => {
        const [call, ...given] = line.split(" ");
        return shown(CALLS[call](...given.map(text)));
    });
    fs.writeFileSync(`${args[0]}.answers`, answers.join("\n") + "\n");
};
