const { Core, PV } = require("SR");

// Texts of every length up to a whole line, most of them escaped, so that batches end at every possible place.
exports.main = () => {
    let refused = 0;
    for (let length = 0; length < 700; length++) {
        Core.log(length, "\u00e9".repeat(length));
        if (length % 7 === 0 && PV.setS("$var(x)", "\u00e9".repeat(length)) !== 0) {
            refused++;
        }
    }
    return refused;
};
