"""The message of a running Kamailio, through its KEMI functions."""
