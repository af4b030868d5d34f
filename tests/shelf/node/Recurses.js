const deeper = (n) => (n === 0 ? 0 : deeper(n - 1));

exports.main = () => deeper(5000);
