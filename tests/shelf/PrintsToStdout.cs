class PrintsToStdout
{
    static int Main()
    {
        System.Console.WriteLine("from the console");
        System.Console.Error.WriteLine("from the error stream");
        System.Console.Write("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"code\":0}}\n");
        using (var child = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/bin/echo", "from a child") { UseShellExecute = false }))
        {
            child.WaitForExit();
        }
        return 3;
    }
}
