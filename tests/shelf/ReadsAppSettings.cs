// app-mono: -r:System.Configuration.dll
class ReadsAppSettings
{
    static int Main()
    {
        SR.PV.SetS("$var(got)", System.Configuration.ConfigurationManager.AppSettings["key"] ?? "null");
        return 0;
    }
}
