"""Workers on other machines, through NATS: leases that lead there, and the nodes that give them."""
