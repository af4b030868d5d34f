// Works for about a millisecond without a call.
class Spins
{
    static int Main()
    {
        uint value = 1;
        for (int i = 0; i < 400000; i++)
        {
            value = value * 1664525 + 1013904223;
        }
        return value == 0 ? 1 : 0;
    }
}
