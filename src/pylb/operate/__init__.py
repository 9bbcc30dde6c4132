"""What people do to a cluster that runs: say which node is to own what, import a configuration, export it."""
