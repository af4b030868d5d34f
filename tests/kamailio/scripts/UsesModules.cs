using SR;

class UsesModules
{
    static int Main()
    {
        string values = "";
        foreach (string name in new[] { "record_route", "has_totag", "is_request", "msg_apply_changes", "keep_hf", "no_such" })
        {
            values += name + " " + Core.ModF(name) + "\n";
            HDR.Append("X-After: " + name + "\r\n");
        }
        Core.Log(1, values.Replace('\n', ' ') + PV.GetI("$ml") + " " + PV.IsNull("$du") + PV.IsNull("$bad") + "\n");
        PV.SetI("$var(n)", 42);
        PV.SetS("$avp(s)", "text");
        Core.Log(1, PV.GetI("$var(n)") + PV.GetS("$avp(s)") + PV.GetI("$avp(s)") + PV.Unset("$avp(s)") + PV.GetS("$avp(s)") + "\n");
        return Core.APIVersion() == "1.0" ? 0 : -1;
    }
}
