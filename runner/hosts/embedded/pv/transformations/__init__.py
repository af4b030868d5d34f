"""
The families of transformations, one a file; each registers its own when it is imported (``families``).

Those of the modules pv, textops and corex. ``{val.*}`` is in the sources of Kamailio 5.6 and not registered there.
"""
