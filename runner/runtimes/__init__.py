"""What runs scripts: a runtime is data, and a worker of it speaks docs/protocol.md."""
