class ExitsAtLoad
{
    static readonly int Code = Exit();

    static int Exit()
    {
        System.Environment.Exit(3);
        return 99;
    }

    static int Main()
    {
        return Code;
    }
}
