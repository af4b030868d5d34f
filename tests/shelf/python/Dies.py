# Ends its own process without a word, as a crash would.
import os
import signal


def main():
    os.kill(os.getpid(), signal.SIGKILL)
