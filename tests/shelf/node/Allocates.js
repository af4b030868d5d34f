exports.main = () => {
    let total = 0;
    for (let i = 0; i < 200; i++) {
        const list = [Buffer.alloc(1024 * 1024)];
        total += list[0].length;
    }
    return total === 200 * 1024 * 1024 ? 0 : 1;
};
