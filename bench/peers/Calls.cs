using SR;

/// <summary>What one call of KSR costs: asked as often as the user of the R-URI says, or read with one answer.</summary>
public static class Calls
{
    public static void ksr_request_route()
    {
        if (KSR.is_MESSAGE())
        {
            Read();
        }
        else
        {
            int count = int.Parse(KSR.pv.get("$rU"));
            for (int i = 0; i < count; i++)
            {
                KSR.tm.t_is_set("failure_route");
            }
        }
        KSR.sl.sl_send_reply(200, "OK");
    }

    private static void Read()
    {
        string read = KSR.kx.get_method() + KSR.kx.get_ruri() + KSR.kx.get_furi() + KSR.kx.get_turi()
            + KSR.kx.get_srcip() + KSR.kx.get_srcport() + KSR.kx.get_callid() + KSR.kx.gete_ua()
            + KSR.pv.get("$fU") + KSR.pv.get("$fd") + KSR.pv.get("$tU") + KSR.pv.get("$td")
            + KSR.hdr.get("Subject") + KSR.hdr.get("CSeq") + KSR.hdr.get("Max-Forwards");
        bool isOurs = KSR.is_myself_ruri() && KSR.is_UDP() && KSR.is_IPv4() && !KSR.is_myself_furi();
        if (read.Length == 0 || isOurs)
        {
            KSR.err("this message was not expected\n");
        }
    }
}
