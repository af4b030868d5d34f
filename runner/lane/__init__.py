"""The lane: the exec that nearly always comes, from the values to the answer, in Python and in C."""
