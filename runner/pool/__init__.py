"""The pool: who serves next, and the upkeep of the workers."""
