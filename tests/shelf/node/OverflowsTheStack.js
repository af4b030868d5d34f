const deeper = (n) => deeper(n + 1) + n;

exports.main = () => deeper(0);
