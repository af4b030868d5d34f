// Makes the calls that a file lists, in order, and writes down what each returned.
// A line is the call and its arguments, which are hexadecimal UTF-16 units; an answer is n, i:NUMBER or s:UNITS.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

class PlaysSteps
{
    static int Main(string[] args)
    {
        if (!File.Exists(args[0]))
        {
            return 0;
        }
        List<string> answers = new List<string>();
        foreach (string line in File.ReadAllLines(args[0]))
        {
            string[] words = line.Split(' ');
            answers.Add(Answer(words[0], words.Length > 1 ? Text(words[1]) : null, words.Length > 2 ? Text(words[2]) : null));
        }
        File.WriteAllLines(args[0] + ".answers", answers.ToArray());
        return 0;
    }

    static string Answer(string call, string first, string second)
    {
        switch (call)
        {
            case "Core.Log": SR.Core.Log(int.Parse(first), second); return "n";
            case "Core.ModF": return Number(SR.Core.ModF(first));
            case "PV.GetS": return Words(SR.PV.GetS(first));
            case "PV.GetI": return Number(SR.PV.GetI(first));
            case "PV.SetS": return Number(SR.PV.SetS(first, second));
            case "PV.SetI": return Number(SR.PV.SetI(first, int.Parse(second)));
            case "PV.Unset": return Number(SR.PV.Unset(first));
            case "PV.IsNull": return Number(SR.PV.IsNull(first));
            case "HDR.Append": return Number(SR.HDR.Append(first));
            case "HDR.Insert": return Number(SR.HDR.Insert(first));
            case "HDR.Remove": return Number(SR.HDR.Remove(first));
            case "HDR.AppendToReply": return Number(SR.HDR.AppendToReply(first));
            default: throw new ArgumentException(call);
        }
    }

    static string Number(int value)
    {
        return "i:" + value;
    }

    static string Words(string value)
    {
        if (value == null)
        {
            return "n";
        }
        StringBuilder units = new StringBuilder("s:");
        foreach (char unit in value)
        {
            units.Append(((int)unit).ToString("x4"));
        }
        return units.ToString();
    }

    static string Text(string units)
    {
        StringBuilder text = new StringBuilder();
        // The first character is a marker, so that an empty text is a word as well.
        for (int at = 1; at < units.Length; at += 4)
        {
            text.Append((char)int.Parse(units.Substring(at, 4), NumberStyles.HexNumber));
        }
        return text.ToString();
    }
}
