"""What objects of BGP may not have in common with each other; texts are MetalLB's. Pools: `core.config.pairings`.

Where MetalLB's modes disagree, what one of them takes is no problem here but a warning, in the words of the one that
refuses it. The same goes for names of what does not stand there: it may come in the next moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pylb.core.config.objects import BFDProfile, BGPPeer, Problem
from pylb.core.model import Labels
from pylb.core.selectors import Selector, matches_any

MAX_COMPARED = 50  # peers that another one is compared with; a router has one or two
_NO_SESSION = "pylb does not speak BGP yet: no session is opened, and addresses are announced by L2Advertisements alone"


@dataclass(frozen=True, slots=True)
class Nodes:
    """The labels of the cluster's nodes; without any it is not known what there is."""

    labels: tuple[Labels, ...] = ()

    def shared(self, one: Sequence[Selector], other: Sequence[Selector]) -> bool:
        """Whether a node is meant by both; where nodes are not known, whether that can be seen from the selectors."""
        if not self.labels:
            return not one or not other or bool(set(one) & set(other))
        return any(_meant(one, labels) and _meant(other, labels) for labels in self.labels)


def _meant(selectors: Sequence[Selector], labels: Labels) -> bool:
    return not selectors or matches_any(selectors, labels)


def repeated(found: Iterable[BGPPeer | BFDProfile]) -> Iterator[Problem]:
    """Peers or profiles that share a name, as they can in two namespaces."""
    seen: dict[str, BGPPeer | BFDProfile] = {}
    for one in found:
        other = seen.setdefault(one.name, one)
        if other is not one:
            peer = isinstance(one, BGPPeer)
            text = f"peer {one.name} already exists" if peer else f"found duplicate bfd profile name {one.name}"
            fix = f"remove one of the two, or give it another name: the other is {other.ref}"
            yield Problem(one.ref, "metadata.name", text, fix)


def doubts(peers: Mapping[str, BGPPeer], profiles: Mapping[str, BFDProfile], nodes: Nodes) -> Iterator[Problem]:
    """What is said of peers, and holds nothing back."""
    known = list(peers.values())
    for number, peer in enumerate(known):
        yield Problem(peer.ref, "spec", _NO_SESSION, "nothing has to be changed")
        if peer.profile and peer.profile not in profiles:
            text = f"peer {peer.name} referencing non existing bfd profile {peer.profile}"
            yield Problem(peer.ref, "spec.bfdProfile", text, "make a BFDProfile of that name, or leave it out")
        yield from _first_clashes(peer, known[: min(number, MAX_COMPARED)], nodes)


def _first_clashes(peer: BGPPeer, others: Iterable[BGPPeer], nodes: Nodes) -> Iterable[Problem]:
    """One for each field: a thousand peers would clash half a million times."""
    found: dict[str, Problem] = {}
    for other in others:
        if nodes.shared(peer.nodes, other.nodes):
            for problem in _clashes(peer, other):
                found.setdefault(problem.field, problem)
    return found.values()


def _clashes(peer: BGPPeer, other: BGPPeer) -> Iterator[Problem]:
    """What MetalLB with FRR refuses of two peers of one node, and without FRR takes."""
    place = peer.address or peer.interface
    if peer.router_id != other.router_id:
        text = f"peer {peer.router_id} has RouterID different from {other.router_id}, in FRR mode all RouterID must be equal"
        yield Problem(peer.ref, "spec.routerID", text, f"give {peer.name} and {other.name} the same, or leave it out")
    if peer.vrf == other.vrf and place == (other.address or other.interface):
        text = f"peer {place} already exists, FRR mode doesn't support duplicate BGPPeers"
        yield Problem(peer.ref, "spec.peerAddress", text, f"remove {peer.ref} or {other.ref}")
    if peer.vrf == other.vrf and peer.my_asn != other.my_asn:
        text = (
            f"peer {place} has myAsn different from {other.address or other.interface}, in FRR mode all myAsn must be "
            "equal for the same VRF"
        )
        yield Problem(peer.ref, "spec.myASN", text, "give both the same, and localASN to one that knows you by another")
