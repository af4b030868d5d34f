// A handler of an event of the runtime itself, called from below the script: here when an assembly is not found.
using System;

class ThrowsInAnEvent
{
    static int Main()
    {
        AppDomain.CurrentDomain.AssemblyResolve += (sender, e) =>
        {
            throw new InvalidOperationException("in an event");
        };
        System.Reflection.Assembly.Load("NoSuchAssembly");
        return 0;
    }
}
