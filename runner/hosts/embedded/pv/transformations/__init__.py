"""
The families of transformations, one a file; each registers its own when it is imported.

Those of the modules pv, textops and corex. ``{val.*}`` is in the sources of Kamailio 5.6.3 and not registered.
"""

from importlib import import_module

FAMILIES = ("text", "cut", "edit", "codec", "escape", "uri", "param", "nameaddr", "line", "urialias", "sock", "re")


def load() -> None:
    """Import every family; again costs nothing."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
