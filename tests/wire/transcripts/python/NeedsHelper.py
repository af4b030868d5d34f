import H


def main():
    return H.version()
