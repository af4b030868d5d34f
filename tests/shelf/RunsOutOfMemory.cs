using System.Collections.Generic;

class RunsOutOfMemory
{
    static int Main(string[] arguments)
    {
        var all = new List<byte[]>();
        while (true)
        {
            all.Add(new byte[1 << 28]);
        }
    }
}
