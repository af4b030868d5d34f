"""The families of selects, one per file. Each adds its names to the tree on import (``families``)."""
