class RecursesDeeply
{
    static int Deeper(int n) { return n == 0 ? 0 : Deeper(n - 1); }

    static int Main() { return Deeper(5000); }
}
