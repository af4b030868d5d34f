"""The families of selects, one a file; each adds its names to the tree when it is imported (``families``)."""
