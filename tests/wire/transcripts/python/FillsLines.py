from SR import PV, Core


# Texts of every length up to a whole line, most of them escaped, so that batches end at every possible place.
def main():
    refused = 0
    for length in range(700):
        Core.log(length, "\u00e9" * length)
        if length % 7 == 0 and PV.set_s("$var(x)", "\u00e9" * length) != 0:
            refused += 1
    return refused
