import sys


def main():
    return 0 if sys.stdin.readline() == "" else 1
