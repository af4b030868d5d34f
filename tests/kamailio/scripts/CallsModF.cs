using SR;

class CallsModF
{
    /// <summary>Calls every function whose name is in its argument, and logs what it returned.</summary>
    static int Main(string[] args)
    {
        foreach (string name in args[0].Split(' '))
        {
            Core.Log(1, "ModF " + name + " " + Core.ModF(name) + "\n");
        }
        return 0;
    }
}
