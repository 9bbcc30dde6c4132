"""Every "no" of pylb is a `Reason`: one code that the Service's event, the log, the metric's label and the TUI share.

A `Reason` knows its sentence for people. MetalLB's own event reasons and messages stand in `core.notices`.
"""

from __future__ import annotations

from pylb.core.words import Word


class Reason(Word):
    """Why something is not so."""

    # allocation
    NO_POOL = "no_pool"
    NO_FREE_ADDRESS = "no_free_address"
    POOL_NOT_FOUND = "pool_not_found"
    POOL_EXHAUSTED = "pool_exhausted"
    POOL_NOT_ALLOWED = "pool_not_allowed"
    ADDRESS_IN_NO_POOL = "address_in_no_pool"
    ADDRESS_NOT_OF_POOL = "address_not_of_pool"
    ADDRESS_IN_USE = "address_in_use"
    SHARING_KEY_DIFFERS = "sharing_key_differs"
    PORT_IN_USE = "port_in_use"
    INVALID_REQUEST = "invalid_request"
    FAMILY_MISMATCH = "family_mismatch"
    NO_CLUSTER_IP = "no_cluster_ip"
    NOT_LOAD_BALANCER = "not_load_balancer"
    OTHER_CLASS = "other_class"
    REQUEST_CHANGED = "request_changed"
    CONFIG_CHANGED = "config_changed"
    CONFIG_INVALID = "config_invalid"
    SERVICE_DELETED = "service_deleted"
    # announcement
    NO_ADDRESS = "no_address"
    NO_ADVERTISEMENT = "no_advertisement"
    NO_ENDPOINT = "no_endpoint"
    NO_ENDPOINT_ON_NODE = "no_endpoint_on_node"
    NODE_ADDRESS = "node_address"
    NODE_NOT_SELECTED = "node_not_selected"
    NODE_EXCLUDED = "node_excluded"
    NODE_NETWORK_UNAVAILABLE = "node_network_unavailable"
    NOT_ALIVE = "not_alive"
    NOT_ELECTED = "not_elected"
    NO_INTERFACE = "no_interface"
    SHARED_WITH_SERVICE_SELECTORS = "shared_with_service_selectors"
    FAMILY_NOT_ANNOUNCED = "family_not_announced"
    # ownership
    STALLED = "stalled"
    NO_LINK = "no_link"
    NO_SUCH_NODE = "no_such_node"
    NODE_DRAINS = "node_drains"
    NOT_TAKEN = "not_taken"
    TERM_DIFFERS = "term_differs"

    @property
    def text(self) -> str:
        """One sentence for people, without the full stop."""
        return _TEXTS[self]


_TEXTS = {
    Reason.NO_POOL: "no address pool is defined",
    Reason.NO_FREE_ADDRESS: "no pool that may be used has a free address",
    Reason.POOL_NOT_FOUND: "the pool that the Service names does not exist",
    Reason.POOL_EXHAUSTED: "the pool that the Service names has no free address",
    Reason.POOL_NOT_ALLOWED: "the pool is not for this namespace or these labels",
    Reason.ADDRESS_IN_NO_POOL: "the wanted address is in no pool",
    Reason.ADDRESS_NOT_OF_POOL: "the wanted address is not in the wanted pool",
    Reason.ADDRESS_IN_USE: "the wanted address belongs to another Service",
    Reason.SHARING_KEY_DIFFERS: "the wanted address is shared under another key",
    Reason.PORT_IN_USE: "the port is taken on the shared address",
    Reason.INVALID_REQUEST: "the Service's request cannot be understood",
    Reason.FAMILY_MISMATCH: "the wanted address is of another family than the Service",
    Reason.NO_CLUSTER_IP: "the Service has no cluster IP",
    Reason.NOT_LOAD_BALANCER: "the Service is not of type LoadBalancer",
    Reason.OTHER_CLASS: "the Service's loadBalancerClass is not pylb's",
    Reason.REQUEST_CHANGED: "the Service now asks for another address",
    Reason.CONFIG_CHANGED: "the pools no longer allow the address",
    Reason.CONFIG_INVALID: "the configuration is invalid, and what the Service needs of it is not known",
    Reason.SERVICE_DELETED: "the Service is gone",
    Reason.NO_ADDRESS: "the Service has no address yet",
    Reason.NO_ADVERTISEMENT: "no L2Advertisement selects the pool",
    Reason.NO_ENDPOINT: "no pod that can serve stands behind the Service",
    Reason.NO_ENDPOINT_ON_NODE: "the traffic policy is Local, and no pod that can serve is on the node",
    Reason.NODE_ADDRESS: "the address is a node's own, and its kernel answers for it",
    Reason.NODE_NOT_SELECTED: "no L2Advertisement of the pool selects the node",
    Reason.NODE_EXCLUDED: "the node is labelled node.kubernetes.io/exclude-from-external-load-balancers",
    Reason.NODE_NETWORK_UNAVAILABLE: "the node's network is reported unavailable",
    Reason.NOT_ALIVE: "the node's speaker is not heard",
    Reason.NOT_ELECTED: "another node is first in the election order",
    Reason.NO_INTERFACE: "the node has no interface that the address can be announced on",
    Reason.SHARED_WITH_SERVICE_SELECTORS: "a shared address cannot be announced by an L2Advertisement with serviceSelectors",
    Reason.FAMILY_NOT_ANNOUNCED: "addresses of this family are not announced yet",
    Reason.STALLED: "the speaker was held up or cut off, and confirms first that the address is still its own",
    Reason.NO_LINK: "the node's link to that address is down: its cable is out, or its interface is",
    Reason.NO_SUCH_NODE: "the cluster has no node of that name",
    Reason.NODE_DRAINS: "the node is drained; pylb undrain ends that",
    Reason.NOT_TAKEN: "the node could take the address, and did not",
    Reason.TERM_DIFFERS: "the request names another term than that of the address's present claim",
}
