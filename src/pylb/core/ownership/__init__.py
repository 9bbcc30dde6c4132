"""Which node answers for an address: election, heartbeats, claims, and moves."""
