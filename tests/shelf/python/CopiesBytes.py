from SR import HDR, PV


def main():
    return HDR.append("X-Copy: " + (PV.get("$hdr(X-Odd)") or "") + "\r\n")
