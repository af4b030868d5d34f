class FloodsStdout
{
    static int Main(string[] args)
    {
        string line = new string('x', 1024 * 1024 - 1);
        for (int mib = int.Parse(args[0]); mib > 0; mib--)
        {
            System.Console.WriteLine(line);
        }
        return 0;
    }
}
