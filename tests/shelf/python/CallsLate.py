import threading

from SR import PV, Core

ask, answered = threading.Event(), threading.Event()
answer = "not asked"
old = None


def late():
    global answer
    ask.wait()
    Core.log(1, "from an old thread")
    answer = f"{PV.get('$rm') or ''}{PV.set_s('$var(old)', 'x')}{PV.is_null('$rm')}"
    answered.set()


def main():
    global old
    if old is None:
        old = threading.Thread(target=late, daemon=True)
        old.start()
        return 0
    ask.set()
    answered.wait()
    PV.set_s("$var(answer)", answer)
    return 1
