"""Runs C#/.NET assemblies for the Kamailio SIP server in warm mono workers."""
