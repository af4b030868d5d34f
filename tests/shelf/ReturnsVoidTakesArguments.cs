class ReturnsVoidTakesArguments { static void Main(string[] args) { SR.PV.SetS("$var(ran)", args.Length.ToString()); } }
