def main():
    total = 0
    for _ in range(200):
        block = bytearray(1024 * 1024)
        total += len(block)
    return 0 if total == 200 * 1024 * 1024 else 1
