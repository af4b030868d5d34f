import sys

from SR import Core


def main(args):
    Core.log(1, "before exit")
    sys.exit(int(args[0]))
