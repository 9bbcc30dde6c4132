"""What people look at: one store of facts, and a terminal UI as a view on it."""
