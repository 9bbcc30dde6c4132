"""Services as their status stands there, where that says more than addresses: which of them kube-proxy leaves alone.

`ipMode: Proxy` of an address tells kube-proxy that a load balancer in front delivers to the nodes. pylb's nodes deliver
to kube-proxy, so with it the Service is dark on every node. The API server makes `VIP` of what pylb writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pylb.controller.recorded import Standing
from pylb.core.model import Service
from pylb.kube import decode

VIP = "VIP"


def read(raw: Mapping[str, Any]) -> Service:
    """A v1 Service; raises DecodeError."""
    found = decode.service(raw)
    entries = ((raw.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if all(entry.get("ipMode") in (None, VIP) for entry in entries):
        return found
    return Standing(**{field.name: getattr(found, field.name) for field in fields(Service)})


def shown(service: Service) -> Service:
    """The Service with its addresses as a second writer's, where it has another ipMode."""
    if not isinstance(service, Standing):
        return service
    return replace(service, ingress=tuple(f"{address} (ipMode Proxy)" for address in service.ingress))
