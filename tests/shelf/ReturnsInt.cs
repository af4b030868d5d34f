class ReturnsInt { static int Main() { return 7; } }
