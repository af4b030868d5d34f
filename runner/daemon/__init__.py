"""The daemon: owns the workers, and lends them to clients over a Unix socket."""
