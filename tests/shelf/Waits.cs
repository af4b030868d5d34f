// It waits until somebody writes to the pipe that the parameter names.
class Waits
{
    static int Main(string[] args)
    {
        System.IO.File.OpenRead(args[0]).ReadByte();
        return 41;
    }
}
