class Odd : System.Exception
{
    public override string Message { get { throw new System.Exception("in Message"); } }
    public override string ToString() { throw new System.Exception("in ToString"); }
}

class ThrowsFromToString
{
    static int Main() { throw new Odd(); }
}
