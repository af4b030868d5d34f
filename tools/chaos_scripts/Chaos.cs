using System;
using System.Threading;
using SR;

public class Chaos
{
    static int Main()
    {
        switch (PV.GetS("$rU"))
        {
            case "throws": throw new Exception("chaos");
            case "loops": while (true) { }
            case "exits": Environment.Exit(3); break;
            case "dies": System.Diagnostics.Process.GetCurrentProcess().Kill(); Thread.Sleep(10000); break;
            case "threads": for (int i = 0; i < 50; i++) new Thread(() => Thread.Sleep(50)).Start(); break;
            case "nests": for (int i = 0; i < 1500; i++)
            {
                System.IO.Directory.CreateDirectory("d");
                System.IO.Directory.SetCurrentDirectory("d");
            }
            break;
            case "floods":
                for (int i = 0; i < 20000; i++) { Core.Log(3, "flood " + i); Console.WriteLine("flood " + i); }
                break;
        }
        HDR.AppendToReply("X-Build: 0000\r\n");
        return 0;
    }

    public static void ksr_request_route()
    {
        Main();
        KSR.sl.sl_send_reply(200, "OK");
    }
}
