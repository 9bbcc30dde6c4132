"""Who announces an address, from the best evidence at hand. Pure: State and `now` in, values out.

Evidence in this order: speakers that say so themselves; what other speakers know of it; ServiceL2Status; and last,
as a guess, the newest `nodeAssigned` event, which misses fail-backs and is forgotten after an hour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pylb.core.ownership import beats
from pylb.core.reasons import Reason
from pylb.tui.facts import Held, Kind, Note
from pylb.tui.state import Speaker, State, Status, Trail

FRESH_S = 10.0  # a speaker's word is good for this long; it is asked every 2 s
CONTEST_S = 5.0  # two announcers for a shorter time are a move (a new leader deletes the old one's status)
FLAP_WINDOW_S, FLAP_CHANGES = 60.0, 3  # so many changes in the window are a quarrel, not moves
OFF_LAN = frozenset({beats.State.JOINING.value})  # it has stepped back, cut off say, or has just begun: it hears nobody
NODE_ASSIGNED = "nodeAssigned"
UNCONFIRMED = (Reason.NO_LINK.value, Reason.STALLED.value)  # it had the address, and does not say who has it now
_ANNOUNCING = re.compile(r'announcing from node "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Holder:
    """Who announces: no node is "nobody" if `known`, else "cannot be told"."""

    nodes: tuple[str, ...] = ()  # newest first
    known: bool = True
    guessed: bool = False
    since: float | None = None
    contested_at: float | None = None  # since when there are two
    heirs: tuple[str, ...] = ()  # who takes it next, in order
    excluded: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    helper: str = ""  # who answers in the holder's place, while its speaker is away
    provisional: bool = False  # no witness says that the holder is not the one cut off


@dataclass(frozen=True, slots=True)
class Evidence:
    """What `state` says about announcing, indexed once for all rows."""

    now: float
    speakers: Mapping[str, Speaker]  # the fresh ones
    statuses: Mapping[str, tuple[Status, ...]]  # by Service, newest first
    guesses: Mapping[str, Note]  # by Service
    trails: Mapping[str, Trail]
    statuses_known: bool
    silent: frozenset[str]  # nodes whose speaker is not heard
    told: Mapping[str, Mapping[str, Held]]  # by node, what each fresh speaker says of which address
    written: Mapping[str, Status]  # what `statuses` was made from


def seen_at(state: State, now: float) -> float:
    """The time that verdicts are about: now, or the last good byte while the API server cannot be reached."""
    heard = state.link.heard_at
    return min(now, heard) if state.link.online is False and heard is not None else now


def gather(state: State, now: float, before: Evidence | None = None) -> Evidence:
    """Index the state at the time `now` of `seen_at`; what `before` says of speakers that said nothing new is kept."""
    same = before is not None and before.written is state.statuses
    statuses = before.statuses if before is not None and same else _newest_first(state.statuses)
    guesses: dict[str, Note] = {}
    for note in state.notes.values():
        if note.reason == NODE_ASSIGNED and note.at >= (guesses[note.service].at if note.service in guesses else 0.0):
            guesses[note.service] = note
    known = bool(statuses) or state.listed.get(Kind.STATUS, False)
    silent = frozenset(silent_speakers(state, now))
    speakers = fresh_speakers(state, now)
    told = {node: one.snapshot.said for node, one in sorted(speakers.items())}
    return Evidence(now, speakers, statuses, guesses, state.trails, known, silent, told, state.statuses)


def _newest_first(written: Mapping[str, Status]) -> dict[str, tuple[Status, ...]]:
    statuses: dict[str, tuple[Status, ...]] = {}
    for status in sorted(written.values(), key=lambda one: -(one.created or 0.0)):
        statuses[status.status.service] = (*statuses.get(status.status.service, ()), status)
    return statuses


def tellers(evidence: Evidence, address: str) -> dict[str, Held]:
    """What each fresh speaker says of an address, by node."""
    return {node: said[address] for node, said in evidence.told.items() if address in said}


def fresh_speakers(state: State, now: float) -> dict[str, Speaker]:
    """The speakers that told their state lately, by node; what an outage of the API server kept back is forgiven."""
    back = state.link.back_at
    return {
        node: one
        for node, one in state.speakers.items()
        if not (one.silent and one.silent_at <= now) and now - max(one.heard_at, back) < FRESH_S
    }


def find(evidence: Evidence, service: str, address: str) -> Holder:
    """Who announces an address of a Service."""
    told = tellers(evidence, address)
    found = _find(evidence, service, address, list(told.values()))
    if len(found.nodes) != 1:
        return found
    owner, heard = found.nodes[0], {node: held for node, held in told.items() if node not in evidence.silent}
    helper = next((node for node, held in heard.items() if node != owner and held.standing == owner), "")
    provisional = any(held.provisional and held.owner == owner for held in heard.values())
    since = found.since if found.guessed else _older(evidence, service, address, owner, found.since)
    return replace(found, helper=helper, provisional=provisional, since=since)


def _older(evidence: Evidence, service: str, address: str, node: str, since: float | None) -> float | None:
    """Since when a node announces, by its record too: a speaker that began anew tells events of this life alone."""
    terms = {held.term for held in tellers(evidence, address).values() if held.owner == node and held.term}
    of_node = (one for one in evidence.statuses.get(service, ()) if one.status.node == node)
    written = next((one.since for one in of_node if not terms or one.status.term in terms), None)
    if written is None or (since is not None and since <= written):
        return since
    trail = evidence.trails.get(address)
    between = [take for take in trail.takes if take.node != node and take.since > written] if trail is not None else []
    return since if between else written


def _find(evidence: Evidence, service: str, address: str, told: list[Held]) -> Holder:
    claims = {node: one.claims[address] for node, one in evidence.speakers.items() if address in one.claims}
    heard = {node: at for node, at in claims.items() if node not in evidence.silent}
    firm = {node: at for node, at in claims.items() if node not in _provisional(told)}
    claims = heard or firm or claims  # one that is cut off from all others holds everything, for nobody
    if claims:
        return _claimed(evidence, address, claims, told)
    if told:
        return _told(evidence, address, told)
    if service in evidence.statuses:
        return _written(evidence, service)
    if evidence.statuses_known:
        return Holder()
    return _guessed(evidence, service)


def _provisional(told: list[Held]) -> set[str]:
    """The nodes that say of themselves that they own an address, but may be cut off."""
    return {held.owner for held in told if held.mine and held.provisional}


def flapping(evidence: Evidence, service: str, address: str) -> int:
    """How often the announcing node changed within the window; 0 where that is not too often."""
    best = 0
    for key in (address, service):
        trail = evidence.trails.get(key)
        recent = [at for at in trail.changes if evidence.now - at < FLAP_WINDOW_S] if trail else []
        best = max(best, len(recent))
    return best if best >= FLAP_CHANGES else 0


def silent_speakers(state: State, now: float) -> tuple[str, ...]:
    """Nodes whose speaker is not heard: by us, or, of those that we hear, by any of its peers that is on the LAN."""
    fresh = fresh_speakers(state, now)
    ready = {str(pod.node): pod.ready for pod in state.pods.values() if pod.node and is_speaker(pod.labels)}
    peers = {name: one.snapshot for name, one in fresh.items() if one.snapshot.state not in OFF_LAN}
    heard = {name: {one.node for one in snapshot.members if one.alive} for name, snapshot in peers.items()}
    found = {node for node, well in ready.items() if not well and node not in fresh}
    for node in {*state.speakers, *ready}:
        votes = [node in others for name, others in heard.items() if name != node]
        if (node in state.speakers and node not in fresh) or (votes and not any(votes)):
            found.add(node)
    return tuple(sorted(found))


def is_speaker(labels: Mapping[str, str]) -> bool:
    """Whether a Pod with these labels is a speaker."""
    return labels.get("app.kubernetes.io/component", labels.get("component", "")) == "speaker"


def _claimed(evidence: Evidence, address: str, claims: Mapping[str, float], told: list[Held]) -> Holder:
    trail = evidence.trails.get(address)
    nodes = sorted(claims, key=lambda node: (-(_since(trail, node) or 0.0), -claims[node], node))
    return Holder(
        nodes=tuple(nodes),
        since=_since(trail, nodes[0]),
        contested_at=max(claims.values()) if len(nodes) > 1 else None,
        heirs=_heirs(evidence, told, nodes),
    )


def _told(evidence: Evidence, address: str, told: list[Held]) -> Holder:
    refusals = (held.reason for held in told if held.reason and not held.owner)
    refusal = next((reason for reason in refusals if reason not in UNCONFIRMED), "")
    if refusal:  # whoever is first in line cannot announce it
        return Holder(reason=refusal)
    trail = evidence.trails.get(address)
    owners = sorted({held.owner for held in told if held.owner}, key=lambda node: (-(_since(trail, node) or 0.0), node))
    if owners:
        return Holder((owners[0],), since=_since(trail, owners[0]), heirs=_heirs(evidence, told, owners[:1]))
    reason = next((held.reason for held in told if held.reason), "")
    excluded = next((held.excluded for held in told if held.excluded), ())
    return Holder(reason=reason, excluded=excluded)


def _written(evidence: Evidence, service: str) -> Holder:
    statuses = evidence.statuses[service]
    nodes = tuple(dict.fromkeys(str(one.status.node) for one in statuses))
    contested = statuses[0].created if len(nodes) > 1 else None
    return Holder(nodes, since=statuses[0].created, contested_at=contested)


def _guessed(evidence: Evidence, service: str) -> Holder:
    note = evidence.guesses.get(service)
    match = _ANNOUNCING.search(note.text) if note else None
    if note is None or match is None:
        return Holder(known=False)
    return Holder((match.group(1),), known=False, guessed=True, since=note.at)


def _since(trail: Trail | None, node: str) -> float | None:
    take = trail.of(node) if trail is not None else None
    return take.since if take is not None else None


def _heirs(evidence: Evidence, told: list[Held], nodes: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Who is next in line: those in the longest line that are heard."""
    order = max((held.candidates for held in told), key=len, default=())
    return tuple(node for node in order if node not in nodes and node not in evidence.silent)
