"""What the daemon shows over HTTP: metrics, its state, and a page for people."""
