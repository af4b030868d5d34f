class ReadsStdin
{
    static int Main() { return System.Console.ReadLine() == null ? 0 : 1; }
}
