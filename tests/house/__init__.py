"""The project as data: what the architecture tests read, and how they judge it."""
