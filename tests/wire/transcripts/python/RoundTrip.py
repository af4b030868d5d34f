from SR import PV


def main(args):
    PV.set_s("$var(param)", args[0])
    return PV.set_s("$var(out)", PV.get("$var(in)"))
