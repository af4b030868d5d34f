using System;
using System.Globalization;
using System.IO;
using System.Threading;

class ShowsItsSurroundings
{
    static int Main()
    {
        Console.WriteLine("seen on standard output");
        Console.Error.WriteLine("seen on standard error");
        SR.PV.SetS("$var(directory)", Directory.GetCurrentDirectory());
        SR.PV.SetS("$var(culture)", Thread.CurrentThread.CurrentCulture.Name + "/" + Thread.CurrentThread.CurrentUICulture.Name
            + "/" + CultureInfo.DefaultThreadCurrentCulture + "/" + CultureInfo.DefaultThreadCurrentUICulture + "/" + 1.5);
        SR.PV.SetS("$var(environment)", Environment.GetEnvironmentVariable("ADDED") + "/"
            + Environment.GetEnvironmentVariable("LC_TIME") + "/" + Environment.GetEnvironmentVariable("LC_NAME"));
        SR.PV.SetS("$var(exit)", Environment.ExitCode.ToString());
        return 0;
    }
}
