class SetsALongText
{
    static int Main(string[] args)
    {
        var text = new string('x', int.Parse(args[0]) * 1024 * 1024);
        int set = SR.PV.SetS("$var(long)", text);
        int appended = SR.HDR.Append("X-Long: " + text + "\r\n");
        SR.Core.Log(1, text);
        SR.PV.SetS("$var(got)", set + " " + appended + " " + (SR.PV.GetS("$var(long)") ?? "null"));
        return 0;
    }
}
