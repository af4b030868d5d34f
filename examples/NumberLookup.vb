' Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
' The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.
'
' Try it: app-mono exec examples/NumberLookup.vb $PWD/examples/numbers.txt --message examples/messages/invite.sip
' NumberLookup.cs has the lines for a SIP server and for Kamailio's routing script.
Imports System.IO
Imports SR

Public Module NumberLookup
    Private Const Yes As Integer = 0
    Private Const No As Integer = 1

    ' Variables of a module live from call to call.
    Private numbers As New Dictionary(Of String, String)
    Private written As Date = Date.MinValue

    Public Function Main(args As String()) As Integer
        If args.Length <> 1 Then
            Core.Err("NumberLookup: expected the table's path as its argument" & vbLf)
            Return Answer(500, "Server Internal Error")
        End If
        Select Case PV.GetS("$rm")
            Case "ACK"
                Return Yes
            Case "INVITE", "OPTIONS"
                Refresh(args(0))
            Case Else
                ' A caller that was redirected ends the call at its new place, not here.
                Return Answer(481, "Call/Transaction Does Not Exist")
        End Select
        Dim number As String = If(PV.GetS("$rU"), "")
        Dim target As String = Nothing
        If Not numbers.TryGetValue(number, target) Then
            Core.Log(1, $"unknown number: {number}{vbLf}")
            Return Answer(404, "Not Found")
        End If
        HDR.AppendToReply($"Contact: <{target}>{vbCrLf}")
        Return Answer(302, "Moved Temporarily")
    End Function

    Private Function Answer(code As Integer, reason As String) As Integer
        PV.SetI("$var(code)", code)
        PV.SetS("$var(reason)", reason)
        Return No
    End Function

    Private Sub Refresh(table As String)
        Dim now As Date = File.GetLastWriteTimeUtc(table)
        If now = written Then Return
        Dim words = From line In File.ReadAllLines(table)
                    Select line.Split({" "c, CChar(vbTab)}, StringSplitOptions.RemoveEmptyEntries)
        Dim read As New Dictionary(Of String, String)
        For Each pair In words.Where(Function(parts) parts.Length = 2)
            read(pair(0)) = pair(1)
        Next
        numbers = read
        written = now
    End Sub
End Module
