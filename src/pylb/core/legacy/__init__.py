"""MetalLB's old ConfigMap: read, named, and turned into resources."""
