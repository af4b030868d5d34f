class ThrowsInAStaticConstructor
{
    sealed class Odd
    {
        internal static readonly int Number = 1;

        static Odd() { throw new System.InvalidOperationException("in a static constructor"); }
    }

    static int Main() { return Odd.Number; }
}
