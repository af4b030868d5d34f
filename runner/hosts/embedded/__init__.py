"""The embedded host: a SIP message without a SIP server."""
