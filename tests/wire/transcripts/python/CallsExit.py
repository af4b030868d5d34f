import sys

from SR import PV


def main():
    PV.set_s("$rU", "before")
    sys.exit(3)
