import os
import signal
import sys
import threading
import time

from SR import HDR, KSR, PV, Core


def main():
    match PV.get("$rU"):
        case "throws":
            raise ValueError("chaos")
        case "loops":
            while True:
                pass
        case "exits":
            sys.exit(3)
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(10)
        case "threads":
            for _ in range(50):
                threading.Thread(target=time.sleep, args=(0.05,)).start()
        case "nests":
            for _ in range(1500):
                os.mkdir("d")
                os.chdir("d")
        case "floods":
            for number in range(20000):
                Core.log(3, f"flood {number}")
                print(f"flood {number}")
    HDR.append_to_reply("X-Build: 0000\r\n")
    return 0


def ksr_request_route():
    main()
    KSR.sl.sl_send_reply(200, "OK")
