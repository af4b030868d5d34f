"""One worker process: how it is started and confined, what it holds, what is said with it, and how it ends."""
