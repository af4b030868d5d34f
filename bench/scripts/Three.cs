// Three calls: the R-URI read, its user replaced, a header for the reply.
class Three
{
    static int Main()
    {
        string uri = SR.PV.GetS("$ru");
        SR.PV.SetS("$rU", "123");
        return SR.HDR.AppendToReply("X-Script: ok\r\n") == 0 && uri != null ? 0 : 1;
    }
}
