"""A real Kubernetes on one machine: etcd, API server, controller manager, scheduler, and containerd, kubelet and kube-proxy
on each node of a lab's network. `cluster.client` is how tests hold it; `python -m cluster up` runs it by hand."""
