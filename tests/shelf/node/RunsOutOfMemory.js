exports.main = () => {
    for (const kept = []; ; ) {
        kept.push(new Array(128 * 1024).fill(kept.length));
    }
};
