using SR;

public static class Entries
{
    private static int s_runs;

    public static int request(string name)
    {
        return PV.SetS("$var(name)", name ?? "none") + ++s_runs;
    }

    public static void branch()
    {
        PV.SetI("$var(runs)", ++s_runs);
    }

    private static int Main()
    {
        return 40 + s_runs;
    }
}
