def deeper(n):
    return deeper(n + 1) + n


def main():
    return deeper(0)
