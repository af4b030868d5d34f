class LeavesAChild
{
    static int Main()
    {
        System.Diagnostics.Process child = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/bin/sleep", "1000") { UseShellExecute = false });
        SR.PV.SetS("$var(child)", child.Id.ToString());
        return 0;
    }
}
