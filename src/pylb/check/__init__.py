"""`pylb check`: manifests are looked at before they are applied, without a cluster."""
