class LogsAtEveryLevel
{
    static void Main(string[] args)
    {
        for (int level = -1; level <= 4; level++)
        {
            SR.Core.Log(level, "level " + level + " \u017Elu\u0165 %s 100%\n");
        }
        SR.Core.Err("err\n");
        SR.Core.Dbg("dbg\n");
        SR.Core.Log(1, args.Length + " " + string.Join("|", args) + "\n");
    }
}
