from SR import PV, Core


def main():
    level = PV.set_s("$ru", "x")
    text = PV.get("$nope")
    Core.log(level, "null" if text is None else text)
    Core.log(PV.get_i("$nope"), "GetI")
    return Core.mod_f("sl_send_reply")
