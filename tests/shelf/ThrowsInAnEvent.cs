// Throws in a handler of one of the runtime's own events, which the runtime calls when an assembly is not found.
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
