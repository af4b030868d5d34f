Module CallsExit
    Function Main(args As String()) As Integer
        SR.Core.Log(1, "before exit")
        Environment.Exit(Integer.Parse(args(0)))
        Return 99
    End Function
End Module
