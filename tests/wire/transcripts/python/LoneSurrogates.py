from SR import PV, Core


def main():
    refused = PV.set_s("$var(x)", "a\ud800b")
    Core.log(refused, "a\ud800b\udc41c\udc80d")
    return refused
