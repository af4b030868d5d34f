import sys

sys.setrecursionlimit(10_000)


def deeper(n):
    return 0 if n == 0 else deeper(n - 1)


def main():
    return deeper(5000)
