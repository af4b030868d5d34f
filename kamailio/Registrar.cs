using SR;

/// <summary>
/// A routing script: what Kamailio's own default configuration does for a registrar and proxy, function by function,
/// without its options (authentication, NAT, accounting).
/// </summary>
/// <remarks>
/// Kamailio calls ksr_request_route for every request and ksr_reply_route for every reply. The other public methods are
/// called because a function here names them: t_on_branch, t_on_reply, t_on_failure.
/// </remarks>
public static class Registrar
{
    private static readonly string[] _scanners = { "friendly", "scanner", "sipcli", "sipvicious" };

    /// <summary>Every request.</summary>
    public static void ksr_request_route()
    {
        RequestInit();

        if (KSR.is_CANCEL())
        {
            if (KSR.tm.t_check_trans() > 0)
            {
                Relay();
            }
            return;
        }

        // A request that comes again is answered as before.
        if (!KSR.is_ACK())
        {
            if (KSR.tmx.t_precheck_trans() > 0)
            {
                KSR.tm.t_check_trans();
                return;
            }
            if (KSR.tm.t_check_trans() == 0)
            {
                return;
            }
        }

        WithinDialog();

        // From here on only requests that begin something. Nobody is authenticated, so nothing goes to other domains.
        if (!KSR.is_myself_ruri())
        {
            KSR.sl.sl_send_reply(403, "Not relaying");
            return;
        }

        KSR.hdr.remove("Route");
        if (KSR.is_method_in("IS"))
        {
            KSR.rr.record_route();
        }

        Register();

        if (KSR.corex.has_ruri_user() < 0)
        {
            KSR.sl.sl_send_reply(484, "Address Incomplete");
            return;
        }

        Locate();
    }

    /// <summary>Every reply, before its transaction is looked for.</summary>
    public static void ksr_reply_route()
    {
        if (KSR.sanity.sanity_check(17604, 6) < 0)
        {
            KSR.err("malformed SIP response from " + KSR.kx.get_srcip() + ":" + KSR.kx.get_srcport() + "\n");
            KSR.x.drop();
        }
    }

    /// <summary>Each branch of a request, before it is sent.</summary>
    public static void ksr_branch_manage()
    {
        KSR.dbg("new branch " + KSR.pv.get("$T_branch_idx") + " to " + KSR.kx.get_ruri() + "\n");
    }

    /// <summary>Replies to requests that were relayed.</summary>
    public static void ksr_onreply_manage()
    {
        KSR.dbg("incoming reply " + KSR.kx.get_status() + "\n");
    }

    /// <summary>A call that failed at all its targets; without another one, the caller gets the best reply.</summary>
    public static void ksr_failure_manage()
    {
        if (KSR.tm.t_is_canceled() > 0)
        {
            return;
        }
        KSR.dbg("failed with " + KSR.pv.get("$T_reply_code") + "\n");
    }

    private static void RequestInit()
    {
        KSR.set_reply_no_connect();
        KSR.force_rport();

        string agent = KSR.kx.gete_ua();
        foreach (string scanner in _scanners)
        {
            if (agent.Contains(scanner))
            {
                KSR.x.exit();
            }
        }
        if (KSR.maxfwd.process_maxfwd(10) < 0)
        {
            KSR.sl.sl_send_reply(483, "Too Many Hops");
            KSR.x.exit();
        }
        if (KSR.is_OPTIONS() && KSR.is_myself_ruri() && KSR.corex.has_ruri_user() < 0)
        {
            KSR.sl.sl_send_reply(200, "Keepalive");
            KSR.x.exit();
        }
        if (KSR.sanity.sanity_check(17895, 7) < 0)
        {
            KSR.err("malformed SIP request from " + KSR.kx.get_srcip() + ":" + KSR.kx.get_srcport() + "\n");
            KSR.x.exit();
        }
    }

    private static void WithinDialog()
    {
        if (KSR.siputils.has_totag() < 0)
        {
            return;
        }
        // The way that record routing has determined.
        if (KSR.rr.loose_route() > 0)
        {
            if (KSR.is_NOTIFY())
            {
                KSR.rr.record_route(); // RFC 6665, 4.1.2.1
            }
            Relay();
        }
        if (KSR.is_ACK())
        {
            // Of a transaction that was answered with a failure; any other has nowhere to go.
            if (KSR.tm.t_check_trans() > 0)
            {
                Relay();
            }
            KSR.x.exit();
        }
        KSR.sl.sl_send_reply(404, "Not here");
        KSR.x.exit();
    }

    private static void Register()
    {
        if (!KSR.is_REGISTER())
        {
            return;
        }
        if (KSR.registrar.save("location", 0) < 0)
        {
            KSR.sl.sl_reply_error();
        }
        KSR.x.exit();
    }

    private static void Locate()
    {
        int found = KSR.registrar.lookup("location");
        if (found < 0)
        {
            KSR.tm.t_newtran();
            if (found == -2)
            {
                KSR.sl.send_reply(405, "Method Not Allowed");
            }
            else
            {
                KSR.sl.send_reply(404, "Not Found");
            }
            KSR.x.exit();
        }
        Relay();
    }

    private static void Relay()
    {
        if (KSR.is_method_in("IBSU") && KSR.tm.t_is_set("branch_route") < 0)
        {
            KSR.tm.t_on_branch("ksr_branch_manage");
        }
        if (KSR.is_method_in("ISU") && KSR.tm.t_is_set("onreply_route") < 0)
        {
            KSR.tm.t_on_reply("ksr_onreply_manage");
        }
        if (KSR.is_INVITE() && KSR.tm.t_is_set("failure_route") < 0)
        {
            KSR.tm.t_on_failure("ksr_failure_manage");
        }
        if (KSR.tm.t_relay() < 0)
        {
            KSR.sl.sl_reply_error();
        }
        KSR.x.exit();
    }
}
