class CallsFromAStaticConstructor
{
    static readonly string s_method;

    static CallsFromAStaticConstructor() { s_method = SR.PV.GetS("$rm"); }

    static int Main()
    {
        SR.PV.SetS("$var(seen)", s_method ?? "null");
        return 0;
    }
}
