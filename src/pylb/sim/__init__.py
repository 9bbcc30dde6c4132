"""A LAN in memory with a clock of its own: real arbiters, made-up nodes, cables and disasters."""
