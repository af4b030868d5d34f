# Makes the calls that a file lists, in order, and notes what each returned, as PlaysSteps.cs of tests/kamailio does.
import os

import SR

NUMBERS = {"Core.Log": 0, "PV.SetI": 1}  # which argument is one


def text(units):
    # The first character is a marker, so that an empty text is a word as well.
    return bytes.fromhex(units[1:]).decode("utf-16-be", "surrogatepass")


def shown(answer):
    match answer:
        case None:
            return "n"
        case str():
            return "s:" + answer.encode("utf-16-be", "surrogatepass").hex()
    return f"i:{answer}"


def main(args):
    if not os.path.exists(args[0]):
        return
    with open(args[0], encoding="ascii") as steps, open(args[0] + ".answers", "w", encoding="ascii") as answers:
        for line in steps:
            call, *units = line.split()
            module, name = call.split(".")
            given = [int(text(each)) if at == NUMBERS.get(call) else text(each) for at, each in enumerate(units)]
            print(shown(getattr(getattr(SR, module), name)(*given)), file=answers)
