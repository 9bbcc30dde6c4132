"""What `core.explanation.explain` needs, from a state: the scene of the whole cluster, and the case of one Service. Pure.

A scene costs some 40 microseconds for each Service of the cluster: who asks often hands in the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import Config
from pylb.core.explanation.explain import allocated, explain
from pylb.core.explanation.findings import Row
from pylb.core.explanation.scene import Announcing, Case, Scene, follow, ledger_of, own_addresses
from pylb.core.model import Address, NodeName, Service, ServiceKey
from pylb.tui import holders, leaders, summary
from pylb.tui.facts import Kind
from pylb.tui.holders import CONTEST_S, Evidence, Holder
from pylb.tui.state import State

FOREIGN_SHOWN_S = 60.0  # after a stranger was heard
CONTEST_SHOWN_S = 30.0  # after the controller's last word on who else writes
MAX_STEPS = 100  # Services that changed: where there are more, the ledger is made anew


class Books:
    """Who has what. They follow a state in place: a scene that was made of them earlier speaks of the new state then."""

    def __init__(self) -> None:
        self.services: Mapping[ServiceKey, Service] = {}
        self.ledger = Ledger()
        self.taken: Mapping[Address, NodeName] = {}
        self._of: tuple[object, ...] = ()
        self._config: Config | None = None

    def follow(self, state: State) -> None:
        """Be those of a state; what it costs depends on how many Services changed since."""
        of = state.services, state.config, state.nodes
        if len(self._of) == len(of) and all(old is new for old, new in zip(self._of, of, strict=True)):
            return
        self._of, before = of, self.services
        self.services = {dated.service.key: dated.service for dated in state.services.values()}
        changed = list(_differing(before, self.services))
        config, taken = state.config, own_addresses(state.config, state.nodes.values()) if state.config else {}
        if config is None:
            self.ledger = Ledger()
        elif config is not self._config or taken != self.taken or len(changed) > MAX_STEPS:
            self.ledger = ledger_of(config, self.services.values(), taken)
        else:
            follow(self.ledger, config, self.services, changed, taken)
        self._config, self.taken = config, taken


def _differing(old: Mapping[ServiceKey, Service], new: Mapping[ServiceKey, Service]) -> Iterator[Service]:
    """Services that went or came; of one that changed, both."""
    yield from (old[key] for key in old.keys() - new.keys())
    for key, service in new.items():
        known = old.get(key)
        if known is not service:
            yield service
            if known is not None:
                yield known


@dataclass(frozen=True, slots=True)
class Scenery:
    """A scene, and what goes with it."""

    scene: Scene
    books: Books
    evidence: Evidence


def scenery(state: State, now: float, before: Scenery | None = None) -> Scenery:
    """The scene of a state; its dear part is that of `before`, brought up to date: `before` is of no use any more."""
    seen = holders.seen_at(state, now)
    evidence = holders.gather(state, seen, before.evidence if before is not None else None)
    books = before.books if before is not None else Books()
    books.follow(state)
    made = Scene(
        config=state.config,
        problems=(*summary.problems(state), *_verdicts(state)),
        ledger=books.ledger,
        taken=books.taken,
        nodes={NodeName(name): node for name, node in state.nodes.items()},
        alive=_alive(state, evidence),
        controllers=leaders.controllers(state, seen),
        bgp_pools=_bgp_pools(state),
    )
    return Scenery(made, books, evidence)


def rows(state: State, found: Scenery, key: str) -> tuple[Row, ...]:
    """All that is to say of a Service; nothing of one that is not there."""
    case = _case(state, found, key)
    return () if case is None else explain(found.scene, case, found.books.services)


def reasons(state: State, found: Scenery, key: str) -> tuple[Row, ...]:
    """Why a Service has its address, or waits for one: the first question alone."""
    case = _case(state, found, key)
    return () if case is None else allocated(found.scene, case, found.books.services)


def _case(state: State, found: Scenery, key: str) -> Case | None:
    service = found.books.services.get(ServiceKey(key))
    if service is None:
        return None
    waiting = state.waits.get(key)
    contest = state.contests.get(key)
    fresh = found.evidence.now - state.contests_at <= CONTEST_SHOWN_S
    return Case(
        service=service,
        endpoints=tuple(state.endpoints(key)) if state.listed.get(Kind.SLICE) else None,
        announcing={ip: _announcing(state, found.evidence, service, ip) for ip in service.ingress},
        wires={ip: state.wires[ip] for ip in service.ingress if ip in state.wires},
        rival=contest.by if contest is not None and fresh else "",
        told=waiting.text if waiting is not None else "",
    )


def _announcing(state: State, evidence: Evidence, service: Service, address: str) -> Announcing:
    holder = holders.find(evidence, service.key, address)
    foreign = state.foreign.get(address)
    heard = foreign is not None and evidence.now - foreign.at < FOREIGN_SHOWN_S
    return Announcing(
        nodes=holder.nodes,
        known=holder.known,
        guessed=holder.guessed,
        contested=len(holder.nodes) > 1 and evidence.now - (holder.contested_at or 0.0) > CONTEST_S,
        helper=holder.helper,
        provisional=holder.provisional,
        silent=bool(holder.nodes) and holder.nodes[0] in evidence.silent and not holder.helper,
        stranger=foreign.mac if foreign is not None and heard else "",
        changes=holders.flapping(evidence, service.key, address),
        reason=_reason(holder),
    )


def _reason(holder: Holder) -> str:
    return holder.reason or next((why for _, why in holder.excluded), "")


def _verdicts(state: State) -> tuple[str, ...]:
    """What components of MetalLB's say is wrong, where nobody else says anything."""
    if state.problems or state.rejections:
        return ()
    return tuple(dict.fromkeys(one.text for one in state.verdicts.values() if one.valid is False and one.text))


def _alive(state: State, evidence: Evidence) -> frozenset[NodeName] | None:
    """Nodes whose speakers are heard, or, where none can be asked, whose speakers' pods are ready; None if unknown."""
    if evidence.speakers:
        return frozenset(NodeName(node) for node in evidence.speakers if node not in evidence.silent)
    pods = [pod for pod in state.pods.values() if holders.is_speaker(pod.labels)]
    if not pods:
        return None
    return frozenset(pod.node for pod in pods if pod.ready and pod.node is not None)


def _bgp_pools(state: State) -> frozenset[str]:
    pools = state.config.pools if state.config is not None else {}
    return frozenset(name for name in pools if any(one.covers(name) for one in state.bgp_adverts.values()))
