// app-mono: -r:H.exe
static class NeedsHelper
{
    static int Main()
    {
        return H.Version();
    }
}
