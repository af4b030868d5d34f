class LoadsAPlugin
{
    static int Main()
    {
        System.Reflection.Assembly plugin = System.Reflection.Assembly.Load("Plugin");
        return (int)plugin.GetType("Plugin").GetMethod("Version").Invoke(null, null);
    }
}
