// Sixty methods with LINQ and Regex, all of them called.
using System.Linq;
using System.Text.RegularExpressions;

class Sixty
{
    static int Main()
    {
        string text = SR.PV.GetS("$ru") + SR.PV.GetS("$fu");
        int found = METHODS;
        SR.HDR.AppendToReply("X-Build: BUILD0000\r\n");
        return found >= 0 ? 0 : 1;
    }

}
