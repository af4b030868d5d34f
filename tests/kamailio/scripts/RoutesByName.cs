using System;
using System.Threading;
using SR;

/// <summary>A routing script that does what the user of the R-URI says.</summary>
public static class RoutesByName
{
    public static void ksr_request_route()
    {
        string user = KSR.pv.get("$rU");
        switch (user)
        {
            case "throws":
                throw new Exception("boom");
            case "loops":
                while (true)
                {
                }
            case "dies":
                System.Diagnostics.Process.GetCurrentProcess().Kill();
                Thread.Sleep(-1);
                break;
            case "throws-in-a-transaction":
                KSR.tm.t_newtran();
                throw new Exception("boom");
            case "answers-and-throws":
                Answer();
                throw new Exception("boom");
            case "answers-by-ModF-and-throws":
                Core.ModF("sl_send_reply", "200", "OK");
                throw new Exception("boom");
            case "drops":
                return;
            case "sleeps-in-Kamailio":
                KSR.cfgutils.usleep(2000000);
                break;
            case "exits":
                Exit();
                break;
            case "relays":
            case "relays-and-throws":
                Relay("each_branch", "each_reply", "each_failure");
                break;
            case "throws-everywhere":
                Relay("throws", "throws", "throws");
                break;
            case "relays-by-names-that-are-not-there":
                Relay("no_branch", "no_reply", "no_failure");
                break;
            case "relays-by-a-mistyped-name":
                Relay("each_branch", "each_reply", "each_failur");
                break;
            default:
                Answer();
                break;
        }
        if (user == "relays-and-throws")
        {
            throw new Exception("boom");
        }
    }

    public static void ksr_reply_route()
    {
        KSR.hdr.append("X-Ran: ksr_reply_route\r\n");
    }

    public static void ksr_onsend_route()
    {
        KSR.notice("ksr_onsend_route of " + KSR.pv.get("$rU") + "\n");
    }

    public static void on_event(string name)
    {
        KSR.notice("on_event: " + name + "\n");
    }

    public static void each_branch()
    {
        KSR.hdr.append("X-Ran: each_branch\r\n");
    }

    public static int each_reply()
    {
        KSR.hdr.append("X-Ran: each_reply\r\n");
        return 0;
    }

    public static void each_failure()
    {
        KSR.tm.t_reply(480, "By each_failure");
    }

    public static void throws()
    {
        throw new Exception("boom");
    }

    private static void Relay(string branch, string reply, string failure)
    {
        KSR.setdsturi("sip:127.0.0.1:" + KSR.hdr.get("X-To"));
        KSR.tm.t_on_branch(branch);
        KSR.tm.t_on_reply(reply);
        KSR.tm.t_on_failure(failure);
        KSR.tm.t_relay();
    }

    private static void Answer()
    {
        KSR.sl.sl_send_reply(200, "OK");
    }

    private static void Exit()
    {
        try
        {
            KSR.x.exit();
        }
        catch (Exception)
        {
        }
        throw new Exception("it went on");
    }
}
