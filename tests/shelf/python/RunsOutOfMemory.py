def main():
    kept = []
    while True:
        kept.append(bytearray(1024 * 1024))
