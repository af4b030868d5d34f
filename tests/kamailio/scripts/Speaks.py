# Does what Speaks.cs does.
from SR import HDR, KSR, PV, Core


def tell(name, value):
    Core.log(1, f"{name}: {'null' if value is None else value}\n")


def main(args):
    tell("argument", args[0] if args else "none")
    asked = ["$rm", "$ru", "$rU", "$fu", "$ci", "$cs", "$si", "$ua", "$hdr(Subject)", "$hdr(X-Bytes)", "$var(old)"]
    for name in [*asked, "$nothing"]:
        tell(name, PV.get(name))
    tell("integers", f"{PV.get_i('$cs')} {PV.get_i('$rU')} {PV.get_i('$nothing')}")
    tell("nulls", f"{PV.is_null('$ua')} {PV.is_null('$rU')} {PV.is_null('$nothing')}")

    odd = PV.get("$hdr(X-Bytes)")
    odd = "none" if odd is None else odd
    tell("set", f"{PV.set_s('$rU', 'new')} {PV.set_s('$var(odd)', odd)} {PV.set_i('$var(number)', -7)}")
    not_set = [PV.set_s("$nothing", "x"), PV.set_s("$si", "x"), PV.set_i("$nothing", 1)]
    not_set.append(PV.set_s("$ru", "\udc80\ud800"))
    tell("not set", " ".join(map(str, not_set)))
    again = [PV.set_s("$avp(kept)", "one"), PV.set_s("$var(gone)", "two"), PV.unset("$var(gone)"), PV.unset("$nothing")]
    tell("set again", " ".join(map(str, again)))
    for name in ("$ru", "$rU", "$var(odd)", "$var(number)", "$avp(kept)", "$var(gone)"):
        tell(name, PV.get(name))
    headers = [HDR.append(f"X-Odd: <{odd}>\r\n"), HDR.insert(f"X-First: {PV.get('$ci')}\r\n"), HDR.remove("Subject")]
    headers.append(HDR.append_to_reply(f"X-Reply: {odd}\r\n"))
    tell("headers", " ".join(map(str, headers)))
    tell("no headers", f"{HDR.append('no header')} {HDR.remove('X-Not-There')} {HDR.append('')}")
    functions = [Core.mod_f("has_totag"), Core.mod_f("no_such_function"), Core.mod_f("is_method", "INVITE")]
    tell("functions", " ".join(map(str, functions)))
    kemi = [KSR.pv.get("$ci"), KSR.hdr.append(f"X-Kemi: {odd}\r\n")]
    tell("kemi", " ".join(map(str, kemi)))
    Core.err(f"an error of {PV.get('$rm')}\n")
    Core.dbg("not seen at this level\n")
    PV.set_s("$var(told)", "told " + odd)
    return PV.get_i("$cs") - 1 if PV.get("$fU") == "alice" else 404
