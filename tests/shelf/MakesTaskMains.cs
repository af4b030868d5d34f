// Writes an assembly with a Main that mcs 6.8 does not compile: static Task<int> Main(string[]) or static Task Main().
using System;
using System.Reflection;
using System.Reflection.Emit;
using System.Threading.Tasks;

class MakesTaskMains
{
    static int Main(string[] args)
    {
        bool hasCode = args[0] == "TaskOfInt";
        AssemblyBuilder assembly = AppDomain.CurrentDomain.DefineDynamicAssembly(
            new AssemblyName(args[0]), AssemblyBuilderAccess.Save, args[1]);
        TypeBuilder type = assembly.DefineDynamicModule(args[0], args[0] + ".exe").DefineType("Program");
        Type result = hasCode ? typeof(Task<int>) : typeof(Task);
        Type[] parameters = hasCode ? new[] { typeof(string[]) } : Type.EmptyTypes;
        MethodBuilder main = type.DefineMethod("Main", MethodAttributes.Static | MethodAttributes.Public, result, parameters);
        ILGenerator il = main.GetILGenerator();
        il.Emit(OpCodes.Ldc_I4, 42);
        il.Emit(OpCodes.Call, typeof(Task).GetMethod("FromResult").MakeGenericMethod(typeof(int)));
        il.Emit(OpCodes.Ret);
        type.CreateType();
        assembly.SetEntryPoint(main, PEFileKinds.ConsoleApplication);
        assembly.Save(args[0] + ".exe");
        return 0;
    }
}
