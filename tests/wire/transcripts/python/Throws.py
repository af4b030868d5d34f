from SR import Core


def main():
    Core.log(0, "last words")
    raise ValueError("boom")
