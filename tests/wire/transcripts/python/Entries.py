from SR import PV

runs = 0


def request(name):
    global runs
    answer = PV.set_s("$var(name)", name or "none")
    runs += 1
    return answer + runs


def branch():
    global runs
    runs += 1
    PV.set_i("$var(runs)", runs)


def main():
    return 40 + runs
