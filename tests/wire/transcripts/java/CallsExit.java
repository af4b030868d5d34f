import SR.PV;

class CallsExit {
    public static int main(String[] args) {
        PV.setS("$rU", "before");
        System.exit(3);
        return 0;
    }
}
