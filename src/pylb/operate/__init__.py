"""Moves on purpose: what people type at a cluster that runs, to say which node is to own what."""
