"""What runs: builds of scripts by content, which of them is current, and what is known of each."""
