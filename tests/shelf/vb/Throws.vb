Imports SR

Module Throws
    Sub Main()
        PV.SetS("$var(x)", "set before")
        Throw New InvalidOperationException("boom")
    End Sub
End Module
