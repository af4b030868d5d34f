from SR import HDR, PV, Core


def main():
    Core.log(1, None)
    Core.err(None)
    Core.dbg(None)
    got = [
        "null" if PV.get(None) is None else "a text",
        PV.get_i(None),
        PV.set_s(None, "x"),
        PV.set_s("$var(x)", None),
        PV.set_i(None, 1),
        PV.unset(None),
        PV.is_null(None),
        HDR.append(None),
        HDR.remove(None),
        HDR.insert(None),
        HDR.append_to_reply(None),
        Core.mod_f(None),
    ]
    PV.set_s("$var(got)", " ".join(map(str, got)))
    return 0
