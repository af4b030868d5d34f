"""Commands of the project that are no tests."""
