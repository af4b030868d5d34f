"""Transformations, one family a file."""
