"""Pseudo-variables and transformations, one family a file."""
