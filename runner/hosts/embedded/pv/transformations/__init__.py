"""
The families of transformations, one per file. Each registers its transformations on import (``families``).

They come from the modules pv, textops and corex. Kamailio 5.6 has ``{val.*}`` in its sources but does not register it.
"""
