' app-mono: -r:System.Configuration.dll
Module ReadsAppSettings
    Sub Main()
        SR.PV.SetS("$var(got)", If(System.Configuration.ConfigurationManager.AppSettings("key"), "null"))
    End Sub
End Module
