static class FillsLines
{
    // Texts of every length up to a whole line, most of them escaped, so that batches end at every possible place.
    static int Main()
    {
        int refused = 0;
        for (int length = 0; length < 700; length++)
        {
            SR.Core.Log(length, new string('\u00e9', length));
            if (length % 7 == 0 && SR.PV.SetS("$var(x)", new string('\u00e9', length)) != 0)
            {
                refused++;
            }
        }
        return refused;
    }
}
