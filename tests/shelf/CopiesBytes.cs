class CopiesBytes
{
    static int Main() { return SR.HDR.Append("X-Copy: " + SR.PV.GetS("$hdr(X-Odd)") + "\r\n"); }
}
