# It loops; with a parameter it returns at once.
from SR import Core


def main(args):
    if args:
        return 0
    Core.log(1, "last words")
    while True:
        pass
