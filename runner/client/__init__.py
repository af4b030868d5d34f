"""The side of a lease that Kamailio imports: standard library only."""
