Imports SR

Module MakesEveryCall
    Function Main() As Integer
        Core.Log(1, "log")
        Core.Err("err")
        Core.Dbg("dbg")
        PV.SetS("$var(got)", String.Join(" ", New Object() {
            Core.APIVersion(), PV.GetS("$rU"), PV.GetI("$var(n)"), PV.SetS("$rU", "123"), PV.SetI("$var(n)", 5),
            PV.GetI("$var(n)"), PV.Unset("$avp(x)"), PV.IsNull("$avp(x)"), PV.IsNull("$nonsense"),
            HDR.Append("X-A: 1" & vbCrLf), HDR.Insert("X-I: 1" & vbCrLf), HDR.Remove("Max-Forwards"),
            HDR.AppendToReply("X-R: 1" & vbCrLf), Core.ModF("no_such_function")}))
        Return 0
    End Function
End Module
