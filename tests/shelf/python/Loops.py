from SR import Core


def main():
    Core.log(1, "last words")
    while True:
        pass
