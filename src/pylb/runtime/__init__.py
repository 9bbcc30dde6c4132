"""Process plumbing that knows no Kubernetes: tasks, log, health and metrics."""
