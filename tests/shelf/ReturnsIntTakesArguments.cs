class ReturnsIntTakesArguments { static int Main(string[] args) { return args.Length == 0 ? -5 : args[0].Length; } }
