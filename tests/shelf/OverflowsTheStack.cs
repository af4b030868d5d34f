class OverflowsTheStack
{
    static int Deeper(int n) { return Deeper(n + 1) + n; }

    static int Main() { return Deeper(0); }
}
