// Makes the calls that a file lists and says what each returned, one line a call, while it goes on.
// "play DIRECTORY" plays DIRECTORY/steps; any other word is only repeated. Both write into the pipe DIRECTORY/answers.
// A step is a call and its arguments between tabs: n is null, i5 a number, s and base64 of UTF-16 a text. So are answers;
// x names an exception.
using System;
using System.IO;
using System.Text;

public class Player
{
    private static FileStream _answers;

    public static int Main(string[] args)
    {
        string[] words = args[0].Split(new char[] { ' ' }, 2);
        if (_answers == null)
        {
            _answers = new FileStream(words[1] + "/answers", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1);
        }
        Say(words[0]);
        if (words[0] != "play")
        {
            return 0;
        }
        foreach (string line in File.ReadAllLines(words[1] + "/steps", Encoding.ASCII))
        {
            string answer;
            try
            {
                answer = Answer(line.Split('\t'));
            }
            catch (Exception error)
            {
                answer = "x" + error.GetType().Name;
            }
            Say(answer);
        }
        Say("played");
        return 0;
    }

    private static string Answer(string[] step)
    {
        string first = step.Length > 1 ? Text(step[1]) : null;
        switch (step[0])
        {
            case "Core.ModF": return Number(SR.Core.ModF(first));
            case "PV.GetS": return Words(SR.PV.GetS(first));
            case "PV.GetI": return Number(SR.PV.GetI(first));
            case "PV.SetS": return Number(SR.PV.SetS(first, Text(step[2])));
            case "PV.SetI": return Number(SR.PV.SetI(first, int.Parse(step[2].Substring(1))));
            case "PV.Unset": return Number(SR.PV.Unset(first));
            case "PV.IsNull": return Number(SR.PV.IsNull(first));
            case "HDR.Append": return Number(SR.HDR.Append(first));
            case "HDR.Insert": return Number(SR.HDR.Insert(first));
            case "HDR.Remove": return Number(SR.HDR.Remove(first));
            case "HDR.AppendToReply": return Number(SR.HDR.AppendToReply(first));
            default: throw new ArgumentException(step[0]);
        }
    }

    private static void Say(string line)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(line + "\n");
        _answers.Write(bytes, 0, bytes.Length);
        _answers.Flush();
    }

    private static string Number(int value)
    {
        return "i" + value;
    }

    private static string Words(string value)
    {
        if (value == null)
        {
            return "n";
        }
        // By hand: an encoding would replace half a pair of surrogates.
        byte[] units = new byte[2 * value.Length];
        Buffer.BlockCopy(value.ToCharArray(), 0, units, 0, units.Length);
        return "s" + Convert.ToBase64String(units);
    }

    private static string Text(string word)
    {
        if (word == "n")
        {
            return null;
        }
        byte[] units = Convert.FromBase64String(word.Substring(1));
        char[] text = new char[units.Length / 2];
        Buffer.BlockCopy(units, 0, text, 0, units.Length);
        return new string(text);
    }
}
