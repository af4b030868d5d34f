class NullArguments
{
    static int Main()
    {
        SR.Core.Log(1, null);
        SR.Core.Err(null);
        SR.Core.Dbg(null);
        SR.PV.SetS("$var(got)", string.Join(" ", new object[] {
            SR.PV.GetS(null) ?? "null", SR.PV.GetI(null), SR.PV.SetS(null, "x"), SR.PV.SetS("$var(x)", null), SR.PV.SetI(null, 1),
            SR.PV.Unset(null), SR.PV.IsNull(null), SR.HDR.Append(null), SR.HDR.Remove(null), SR.HDR.Insert(null),
            SR.HDR.AppendToReply(null), SR.Core.ModF(null) }));
        return 0;
    }
}
