Module NeverReturns
    Sub Main()
        SR.Core.Log(1, "last words")
        Do
        Loop
    End Sub
End Module
