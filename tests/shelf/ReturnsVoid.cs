class ReturnsVoid { static void Main() { SR.PV.SetS("$var(ran)", "yes"); } }
