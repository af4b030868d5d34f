// Keeps every small object that it allocates, as a leak does.
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
