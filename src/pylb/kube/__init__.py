"""The one door to the Kubernetes API: credentials, requests, list and watch, writes, and the decoding of its JSON."""
