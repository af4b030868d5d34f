process.exit(3);

exports.main = () => 99;
