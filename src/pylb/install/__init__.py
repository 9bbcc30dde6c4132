"""What is done from outside of a cluster: so far, the container image that is carried there."""
