"""The control socket between the daemon and its clients."""
