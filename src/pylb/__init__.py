"""pylb: addresses of the home network for Kubernetes Services of type LoadBalancer."""

__version__ = "0.1.0"
