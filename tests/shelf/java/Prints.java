class Prints {
    public static int main(String[] args) throws Exception {
        System.out.println("from the console: \u00e9");
        System.err.println("from the error stream");
        System.out.print("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"code\":0}}\n");
        new ProcessBuilder("/bin/echo", "from a child").inheritIO().start().waitFor();
        return 3;
    }
}
