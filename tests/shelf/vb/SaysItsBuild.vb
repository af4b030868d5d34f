Module SaysItsBuild
    Sub Main()
        SR.PV.SetS("$var(seen)", "GEN00000")
    End Sub
End Module
