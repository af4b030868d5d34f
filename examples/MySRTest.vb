Imports SR

Module Test
    Function Main(args As String()) As Integer
        Core.Log(1, "Kamailio API Version: " & Core.APIVersion() & vbLf)
        If args.Length = 1 Then
            Core.Log(1, "Parameter from Kamailio config: " & args(0) & vbLf)
        End If
        Core.Dbg("Request URI is: " & PV.GetS("$ru") & vbLf)
        PV.SetS("$rU", "123")
        HDR.AppendToReply("My-Mono-Hdr: ok" & vbCrLf)
        Return 1
    End Function
End Module
