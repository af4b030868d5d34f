import os

os._exit(3)


def main():
    return 0
