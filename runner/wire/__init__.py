"""The wire to one worker: what may be said on it, what that means, and its bytes."""
