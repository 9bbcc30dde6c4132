"""A small Kubernetes API server in one process: a stage for the demo and a fast fake for the tests.

It is held to the real one by tests; what it does not know it refuses with 501 and a hint.
"""
