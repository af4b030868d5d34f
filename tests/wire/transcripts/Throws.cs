using System;

static class Throws
{
    static void Main()
    {
        SR.Core.Log(0, "last words");
        throw new InvalidOperationException("boom");
    }
}
