"""What a user may have done to the cluster, as orders: what it means, what to type for it elsewhere, what it needs. Pure.

An order is made of what is on the screen; where it makes no sense the reason is given instead. Nothing is done here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from pylb.core.allocation import requests
from pylb.core.allocation.requests import LOAD_BALANCER_IPS, OLD_PREFIX, PREFIX
from pylb.core.explanation.findings import Shell
from pylb.core.model import Service
from pylb.tui.addresses import parsed
from pylb.tui.pages import matrix
from pylb.tui.pages.look import Look
from pylb.tui.pages.loss import NOBODY, simulate
from pylb.tui.seams import Selection

RESET = "Established TCP connections to what moves are reset; new ones are served throughout."
MAX_TOLD = 6  # addresses that are named
SPEC = "spec.loadBalancerIP"


@dataclass(frozen=True, slots=True)
class Right:
    """What the API server has to allow."""

    verb: str
    resource: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done: by a command of pylb's own, or by a merge patch of one object."""

    title: str
    tells: tuple[str, ...]  # what it means, a line each
    command: str  # the same, to be typed in a shell
    right: Right
    arguments: tuple[str, ...] = ()  # of `pylb`; empty for a patch
    path: str = ""  # of the object that is patched
    patch: Mapping[str, object] | None = None


Refused = str  # why an order makes no sense


def pin(look: Look, selection: Selection, typed: str) -> Order | Refused:
    """Have a Service keep an address, or ask for another."""
    service = _service(look, selection)
    address = parsed(typed.strip())
    if service is None:
        return "choose a Service first"
    if address is None:
        return f"{typed!r} is no IP address"
    source = requests.pin_source(service)
    if source:
        return f"it is pinned already, by {source}: unpin it first (u)"
    config = look.state.config
    if config is not None and config.pool_of([address]) is None:
        return f"{address} is in no pool"
    key = PREFIX + LOAD_BALANCER_IPS
    keeps = str(address) in service.ingress
    return Order(
        f"Pin {service.key} to {address}?",
        (
            f"{service.key} keeps {address}, also when it is made anew."
            if keeps
            else f"{service.key} gives up {', '.join(service.ingress) or 'nothing'} and asks for {address}.",
        ),
        Shell().annotate(service, key, str(address)),
        Right("patch", "services", service.namespace),
        path=_path(service),
        patch={"metadata": {"annotations": {key: str(address)}}},
    )


def unpin(look: Look, selection: Selection) -> Order | Refused:
    """Have a Service take whatever address comes; it keeps the one that it has."""
    service = _service(look, selection)
    if service is None:
        return "choose a Service first"
    source = requests.pin_source(service)
    if not source:
        return f"{service.key} is not pinned"
    if source == SPEC:
        command = Shell().patch(service, {"loadBalancerIP": None})
        patch: dict[str, object] = {"spec": {"loadBalancerIP": None}}
    else:
        keys = [
            key for key in (PREFIX + LOAD_BALANCER_IPS, OLD_PREFIX + LOAD_BALANCER_IPS) if key in service.annotations
        ]
        command = "\n".join(Shell().annotate(service, key, None) for key in keys)
        patch = {"metadata": {"annotations": dict.fromkeys(keys)}}
    has = (
        f"It keeps {', '.join(service.ingress)} as long as it is there."
        if service.ingress
        else "It takes what is free."
    )
    return Order(
        f"Unpin {service.key}?",
        (f"The request in {source} goes. {has}",),
        command,
        Right("patch", "services", service.namespace),
        path=_path(service),
        patch=patch,
    )


def move(look: Look, selection: Selection, node: str) -> Order | Refused:
    """Have another node announce an address, once."""
    row = next((one for one in matrix.matrix(look) if one.address == selection.address), None)
    if row is None:
        return "choose an address first"
    name = node.strip()
    if name not in matrix.names(look):
        return f"{name!r} is no node: there are {', '.join(matrix.names(look))}"
    if name in row.owners:
        return f"{name} announces {row.address} already"
    if name not in row.line:
        return f"{name} may not have it: {row.out.get(name, 'its speaker does not say why')}"
    before = ", ".join(row.owners) or "nobody"
    return _pylb(
        f"Move {row.address} to {name}?",
        (f"{row.address} ({row.shown}): {before} to {name}. It stays there as anywhere: this is no pin.", RESET),
        ("move", row.address, name),
        Right("patch", "services", selection.namespace),
    )


def drain(look: Look, node: str) -> Order | Refused:
    """Have a node hand over all that it announces, and take nothing; or, if it is so, end that."""
    known = look.state.nodes.get(node)
    if known is None:
        return "choose a node first"
    if known.drained:
        return undrain(look, node)
    rows = matrix.matrix(look)
    alive = [name for name in matrix.names(look) if name not in look.evidence.silent]
    lost = simulate(rows, node, alive).rows
    tells = [f"{row.key} ({row.services}) to {row.to or NOBODY}" for row in lost[:MAX_TOLD]]
    if len(lost) > MAX_TOLD:
        tells.append(f"and {len(lost) - MAX_TOLD} more")
    told = (*tells, RESET) if lost else (f"{node} announces nothing now.",)
    until = f"It takes nothing until: pylb undrain {shlex.quote(node)}"
    return _pylb(f"Drain {node}?", (*told, until), ("drain", node), Right("patch", "nodes"))


def undrain(look: Look, node: str) -> Order | Refused:
    """Let a node announce again."""
    known = look.state.nodes.get(node)
    if known is None or not known.drained:
        return f"{node} is not drained" if node else "choose a node first"
    tells = (f"{node} may take addresses again. Nothing moves by itself: rebalance (R) evens out.",)
    return _pylb(f"Undrain {node}?", tells, ("undrain", node), Right("patch", "nodes"))


def rebalance(look: Look) -> Order | Refused:
    """Have each address go to the first node of its line."""
    if not matrix.matrix(look):
        return "nothing is announced"
    tells = ("Each address goes to the first node of its line, a few at a time.", RESET)
    return _pylb("Rebalance all addresses?", tells, ("rebalance",), Right("patch", "services"))


def _pylb(title: str, tells: tuple[str, ...], arguments: tuple[str, ...], right: Right) -> Order:
    return Order(title, tells, shlex.join(("pylb", *arguments)), right, arguments)


def _service(look: Look, selection: Selection) -> Service | None:
    dated = look.state.services.get(f"{selection.namespace}/{selection.service}")
    return dated.service if dated is not None else None


def _path(service: Service) -> str:
    return f"/api/v1/namespaces/{service.namespace}/services/{service.name}"
