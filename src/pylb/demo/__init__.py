"""`pylb demo`: a home network on this machine in which a Service gets an address, answers, and survives its node."""
