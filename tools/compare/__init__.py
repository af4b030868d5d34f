"""A judge of the hosts: made-up messages and steps, played on a real Kamailio and on ours, and what differs."""
