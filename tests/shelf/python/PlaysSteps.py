# Makes the calls that a file lists, in order, and writes down what each returned, as tests/kamailio/scripts/PlaysSteps.cs.
import os

from SR import HDR, PV, Core

CALLS = {
    "Core.Log": lambda level, text: Core.log(int(level), text),
    "Core.ModF": Core.mod_f,
    "PV.GetS": PV.get_s,
    "PV.GetI": PV.get_i,
    "PV.SetS": PV.set_s,
    "PV.SetI": lambda name, number: PV.set_i(name, int(number)),
    "PV.Unset": PV.unset,
    "PV.IsNull": PV.is_null,
    "HDR.Append": HDR.append,
    "HDR.Insert": HDR.insert,
    "HDR.Remove": HDR.remove,
    "HDR.AppendToReply": HDR.append_to_reply,
}


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
            call, *given = line.split()
            print(shown(CALLS[call](*map(text, given))), file=answers)
