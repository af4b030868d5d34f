"""The lists of KEMI's functions in ``runner/ksr``, recorded from Kamailio itself: ``python3 -m tools.ksr``."""
