// Sends calls to voice mail outside business hours. The hours are the parameter, for example "09:00-17:30".
//
// Routing script:  mono_exec("/etc/kamailio/mono/BusinessHours.exe", "09:00-17:30");
// Try it:          app-mono exec examples/BusinessHours.cs 09:00-17:30 --message examples/messages/invite.sip --watch
using System;
using System.Globalization;

public static class BusinessHours
{
    public static int Main(string[] args)
    {
        string[] ends = (args.Length == 1 ? args[0] : "09:00-17:00").Split('-');
        TimeSpan opens, closes;
        if (ends.Length != 2 || !TryTime(ends[0], out opens) || !TryTime(ends[1], out closes))
        {
            SR.Core.Err("expected opening hours such as 09:00-17:30, got " + args[0] + "\n");
            return 2;
        }

        DateTime now = DateTime.Now;
        bool isWeekend = now.DayOfWeek == DayOfWeek.Saturday || now.DayOfWeek == DayOfWeek.Sunday;
        bool isOpen = !isWeekend && now.TimeOfDay >= opens && now.TimeOfDay < closes;
        SR.PV.SetS("$var(open)", isOpen ? "yes" : "no");
        if (isOpen)
        {
            return 0;
        }

        string mailbox = SR.PV.GetS("$rU");
        SR.Core.Log(2, "closed at " + now.ToString("ddd HH:mm", CultureInfo.InvariantCulture)
            + ": " + mailbox + " goes to voice mail\n");
        SR.HDR.Append("Diversion: <" + SR.PV.GetS("$ru") + ">;reason=time-of-day\r\n");
        SR.PV.SetS("$rU", "vm-" + mailbox);
        return 0;
    }

    private static bool TryTime(string text, out TimeSpan time)
    {
        return TimeSpan.TryParseExact(text, @"hh\:mm", CultureInfo.InvariantCulture, out time);
    }
}
