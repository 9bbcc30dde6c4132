"""The speaker of one node: answers ARP for the addresses that it owns, and decides ownership with the other speakers."""
