using System.IO;

class LooksAround
{
    static int Main()
    {
        SR.PV.SetS("$var(cwd)", Directory.GetCurrentDirectory());
        SR.PV.SetS("$var(files)", Directory.GetFileSystemEntries(".").Length.ToString());
        File.WriteAllText("left-behind", "x");
        return 0;
    }
}
