from SR import HDR, PV


def main(_args):
    uri = PV.get_s("$ru")
    PV.set_s("$rU", "123")
    return 0 if HDR.append_to_reply("X-Script: ok\r\n") == 0 and uri is not None else 1
