using System;
using System.Collections.Generic;
using System.IO;

/// <summary>
/// Decides by a table of numbers where a call goes: Main("request TABLE") for a new call, Main("failure TABLE") when a
/// target has failed.
/// </summary>
/// <remarks>
/// True (0): $du is set, relay the call. False (1): answer with $var(code) and $var(reason).
/// </remarks>
public static class Routing
{
    // Statics live from exec to exec: the table is read once, and again when its file has changed.
    private static readonly Dictionary<string, string[]> _numbers = new Dictionary<string, string[]>();
    private static DateTime _read = DateTime.MinValue;

    public static int Main(string[] args)
    {
        string[] words = args.Length == 1 ? args[0].Split(new[] { ' ' }, 2) : new string[0];
        if (words.Length != 2)
        {
            SR.Core.Err("Routing: expected \"request TABLE\" or \"failure TABLE\"\n");
            return Answer(500, "Server Internal Error");
        }
        Refresh(words[1]);
        string[] entry;
        if (!_numbers.TryGetValue(SR.PV.GetS("$oU") ?? "", out entry))
        {
            return Answer(404, "Not Found");
        }
        return words[0] == "failure" ? Next(entry) : First(entry);
    }

    private static int First(string[] entry)
    {
        switch (entry[1])
        {
            case "moved":
                SR.HDR.AppendToReply("Contact: <" + entry[2] + ">\r\n");
                return Answer(302, "Moved Temporarily");
            case "closed":
                SR.HDR.AppendToReply("Retry-After: 3600\r\n");
                return Answer(503, "Service Unavailable");
            default:
                SR.HDR.Append("X-Routed-By: Routing.cs\r\n");
                return To(entry, 0);
        }
    }

    private static int Next(string[] entry)
    {
        int target = SR.PV.GetI("$avp(target)") + 1;
        return 2 + target < entry.Length ? To(entry, target) : Answer(503, "Service Unavailable");
    }

    private static int To(string[] entry, int target)
    {
        SR.PV.SetI("$avp(target)", target);
        return SR.PV.SetS("$du", entry[2 + target]) == 0 ? 0 : Answer(500, "Server Internal Error");
    }

    private static int Answer(int code, string reason)
    {
        SR.PV.SetI("$var(code)", code);
        SR.PV.SetS("$var(reason)", reason);
        return 1;
    }

    private static void Refresh(string table)
    {
        DateTime written = File.GetLastWriteTimeUtc(table);
        if (written == _read)
        {
            return;
        }
        _numbers.Clear();
        foreach (string line in File.ReadAllLines(table))
        {
            string[] entry = line.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries);
            if (entry.Length >= (line.Contains("closed") ? 2 : 3) && entry[0] != "#")
            {
                _numbers[entry[0]] = entry;
            }
        }
        _read = written;
    }
}
