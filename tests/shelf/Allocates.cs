using System.Collections.Generic;

class Allocates
{
    static int Main()
    {
        long total = 0;
        for (int i = 0; i < 200; i++)
        {
            var list = new List<byte[]> { new byte[1024 * 1024] };
            total += list[0].Length;
        }
        return total == 200L * 1024 * 1024 ? 0 : 1;
    }
}
