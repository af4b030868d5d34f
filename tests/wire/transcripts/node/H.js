exports.version = () => 7;
