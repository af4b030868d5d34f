from SR import PV, Core


def main():
    Core.log(2, "one\n")
    Core.err("two \u00e9\n")
    user = PV.get("$rU")
    Core.dbg("null" if user is None else user)
    return PV.set_i("$var(n)", -5) + PV.is_null("$du")
