from SR import PV


def main():
    PV.set_s("$var(x)", "set before")
    raise ValueError("boom")
