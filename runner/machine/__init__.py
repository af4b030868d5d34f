"""What this machine gives to a runner: programs, places, and walls around its workers."""
