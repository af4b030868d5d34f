' app-mono: -r:H.dll
Module UsesHelper
    Sub Main()
        SR.PV.SetS("$var(seen)", H.Version())
    End Sub
End Module
