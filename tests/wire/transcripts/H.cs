public static class H
{
    public static int Version()
    {
        return 7;
    }

    private static void Main()
    {
    }
}
