from SR import PV, Core


def main():
    Core.log(1, "log \ud800 goes on")
    high = PV.set_s("$var(x)", "\ud800")
    low = PV.set_s("$var(x)", "\udc00")
    odd = PV.set_s("$var(bytes)", "\udc80\udcff")
    pair = PV.set_s("$var(pair)", "\U0001f600")
    PV.set_s("$var(got)", f"{high} {low} {odd} {pair}")
    return 0
