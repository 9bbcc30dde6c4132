"""A LAN of network namespaces on one machine: nodes, a client, a router and pods, with real packets between them."""
