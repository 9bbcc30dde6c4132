"""What pylb decides, and nothing else: pure functions and state machines over values.

No clock, socket, log, task or random number lives here, and no Kubernetes JSON but that of pylb's own resources.
Whoever calls passes the time in and carries the result out.
"""
