import SR.PV;

class RoundTrip {
    public static int main(String[] args) {
        PV.setS("$var(param)", args[0]);
        return PV.setS("$var(out)", PV.get("$var(in)"));
    }
}
