// Prints the public surface of the assembly in its argument, one member a line, sorted.
using System;
using System.Linq;
using System.Reflection;

class ShowsSurface
{
    static int Main(string[] args)
    {
        Assembly assembly = Assembly.LoadFile(args[0]);
        Console.WriteLine(assembly.FullName);
        var lines = from type in assembly.GetExportedTypes()
                    from method in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.Static
                        | BindingFlags.Instance)
                    select type.FullName + "." + method.Name + " " + method.ReturnType.Name + "("
                        + string.Join(",", method.GetParameters().Select(p => p.ParameterType.Name)) + ")"
                        + (method.IsStatic ? " static" : "");
        foreach (string line in lines.OrderBy(line => line, StringComparer.Ordinal))
        {
            Console.WriteLine(line);
        }
        return 0;
    }
}
