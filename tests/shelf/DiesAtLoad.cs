class DiesAtLoad
{
    static readonly int Code = Die();

    static int Die()
    {
        System.Environment.FailFast("no way on");
        return 0;
    }

    static int Main()
    {
        return Code;
    }
}
