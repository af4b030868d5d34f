"""The hosts: who owns a SIP message and answers a script's calls. They stand on ``calls`` and ``errors`` only."""
