"""Where objects stand, and in whose API: the two namespaces that are read, and MetalLB's group and versions."""

from __future__ import annotations

OWN_NAMESPACE = "pylb-system"  # pylb's pods, and what it reports
METALLB_NAMESPACE = "metallb-system"  # where published manifests put their pools
NAMESPACES = (OWN_NAMESPACE, METALLB_NAMESPACE)  # the configuration is read from both as one set
GROUP = "metallb.io"
API_VERSION = f"{GROUP}/v1beta1"
PEER_VERSION = f"{GROUP}/v1beta2"  # of BGPPeers
