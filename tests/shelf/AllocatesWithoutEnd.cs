// Small objects that are all kept, as a leak is.
class AllocatesWithoutEnd
{
    sealed class Node
    {
        internal Node Next;
        internal readonly byte[] Weight = new byte[1000];
    }

    static Node s_all;

    static int Main()
    {
        while (true)
        {
            s_all = new Node { Next = s_all };
        }
    }
}
