using System;
using System.Globalization;
using System.IO;
using System.Threading;

class ChangesItsSurroundings
{
    static int Main()
    {
        Directory.SetCurrentDirectory("/");
        Thread.CurrentThread.CurrentCulture = new CultureInfo("de-DE");
        Thread.CurrentThread.CurrentUICulture = new CultureInfo("fr-FR");
        CultureInfo.DefaultThreadCurrentCulture = new CultureInfo("it-IT");
        CultureInfo.DefaultThreadCurrentUICulture = new CultureInfo("it-IT");
        Thread.CurrentThread.Priority = ThreadPriority.Lowest;
        Environment.SetEnvironmentVariable("ADDED", "by a script");
        Environment.SetEnvironmentVariable("LC_TIME", "changed");
        Environment.SetEnvironmentVariable("LC_NAME", null);
        Environment.ExitCode = 9;
        Console.SetOut(new StringWriter());
        Console.SetError(new StringWriter());
        return 0;
    }
}
