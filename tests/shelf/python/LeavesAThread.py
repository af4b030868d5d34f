import threading


def main():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return 0
