import subprocess
import sys


def main():
    print("from the console")
    print("from the error stream", file=sys.stderr)
    sys.stdout.write('{"jsonrpc":"2.0","id":2,"result":{"code":0}}\n')
    subprocess.run(["/bin/echo", "from a child"], check=True)
    return 3
