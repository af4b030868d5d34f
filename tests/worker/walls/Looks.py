# Does what its argument says, and logs what came of it.
import os
import socket
import subprocess
import threading

from SR import Core

count = 0
kept: list[bytearray] = []


def main(args):
    global count
    count += 1
    what, _, rest = args[0].partition(" ")
    Core.log(1, str(DEEDS[what](rest)))
    return 0


def write(path):
    try:
        with open(path, "w") as file:
            file.write("x")
    except OSError:
        return "refused"
    return "written"


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return "refused"


def variables(names):
    return " ".join(name for name in names.split() if name in os.environ)


def files(_):
    opened: list[int] = []
    try:
        while len(opened) < 1000:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for descriptor in opened:
        os.close(descriptor)
    return len(opened)


def processes(_):
    started: list[subprocess.Popen[bytes]] = []
    try:
        while len(started) < 100:
            started.append(subprocess.Popen(["/bin/sleep", "60"]))
    except OSError:
        pass
    for process in started:
        process.kill()
        process.wait()
    return len(started)


def connects(address):
    host, port = address.split()
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return "refused"
    return "connected"


def memory(mib):
    kept.append(bytearray(int(mib) << 20))
    return "allocated"


def allocates(mib):
    try:
        bytearray(int(mib) << 20)
    except MemoryError:
        return "refused"
    return "allocated"


def leaves(_):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return "left"


def spin(_):
    Core.log(1, "last words")
    while True:
        pass


def dies(_):
    os.kill(os.getpid(), 9)
    while True:
        pass


DEEDS = {
    "write": write, "read": read, "variables": variables, "files": files, "processes": processes,
    "connects": connects, "memory": memory, "allocates": allocates, "leaves": leaves, "loops": spin, "dies": dies,
    "count": lambda _: count,
}  # fmt: skip
