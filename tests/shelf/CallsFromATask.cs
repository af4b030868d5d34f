using System.Threading.Tasks;

class CallsFromATask
{
    static int Main() { return Task.Run(() => SR.PV.GetS("$rm")).Result == "INVITE" ? 0 : 1; }
}
