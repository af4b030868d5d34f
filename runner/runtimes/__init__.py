"""The runtimes beside mono that run scripts."""
