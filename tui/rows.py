"""The table of Services: one row for each address, problems first. Pure: State and `now` in, plain values out.

The states, worst first: CONF two announce it, or a stranger does; RIVL somebody else writes the Service, too; PEND no
address; NOAN an address that nobody announces; FLAP it goes from node to node; DEGR announced by a node that is not
well; HELP another node answers in its place, with its MAC; MOVE moved within the last minute; OK.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from sys import intern

from pylb.core import spelling
from pylb.core.allocation import remedies, requests
from pylb.core.model import Service
from pylb.core.reasons import Reason
from pylb.tui import filters, holders, words
from pylb.tui.addresses import number, parsed
from pylb.tui.holders import CONTEST_S, Holder
from pylb.tui.knowledge import View, once, worked_out
from pylb.tui.state import Dated, State

MOVE_SHOWN_S = 60.0
FOREIGN_SHOWN_S = 60.0
CONTEST_SHOWN_S = 30.0  # after the controller's last word on it; it is asked every 5 s
RESTART = "kubectl -n pylb-system rollout restart ds/pylb-speaker"
PINNED, AUTO = "pinned", "auto"
WAITING = "no address yet: the controller has not answered"
NOBODY = "nobody announces it"
UNTOLD = "which node announces it cannot be told: no ServiceL2Status, and no speaker can be asked"
UNWITNESSED = "provisional: nothing shows so far that it is not cut off"
NO_POOL = "it is in no pool: another load balancer gave it, or its pool is gone"


class Word(IntEnum):
    """A row's state, worst first; its name is what people read."""

    CONF = 0
    RIVL = 1
    PEND = 2
    NOAN = 3
    FLAP = 4
    DEGR = 5
    HELP = 6
    MOVE = 7
    OK = 8


FINE = frozenset({Word.HELP, Word.MOVE, Word.OK})
PROBLEMS = frozenset(Word) - FINE
SHORT_SOURCES = {
    "spec.loadBalancerIP": "spec",
    requests.PREFIX + requests.LOAD_BALANCER_IPS: "metallb.io",
    requests.OLD_PREFIX + requests.LOAD_BALANCER_IPS: "universe.tf",
}


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One address of one Service (or a Service without any), as the screen shows it."""

    key: str
    word: Word
    namespace: str
    name: str
    address: str  # "" while it has none
    shared: int  # how many Services use the address
    pool: str
    how: str  # pinned or auto
    source: str  # where the pin is written: spec.loadBalancerIP or the annotation's key
    nodes: tuple[str, ...]
    node: str  # as shown
    why: str  # one sentence: what is wrong, or how it stands
    since_at: float | None = None  # Unix times: when its node began to announce it, and when the Service was made
    created: float | None = None
    at: float = field(default=0.0, compare=False)  # the time that ages are told for: no other row, only told later
    fresh: bool = field(default=False, compare=False)  # it became another a moment ago

    @property
    def since(self) -> str:
        """For how long its node has announced it."""
        return words.age(None if self.since_at is None else self.at - self.since_at)

    @property
    def age(self) -> str:
        """How old the Service is."""
        return words.age(None if self.created is None else self.at - self.created)

    @property
    def order(self) -> tuple[int, int, int, str, str]:
        """Problems first, then by address as a number, then by name."""
        return (int(self.word), *number(self.address), self.namespace, self.name)

    @property
    def columns(self) -> Mapping[str, str]:
        """What the filter looks at, by field."""
        return {
            "st": self.word.name,
            "ns": self.namespace,
            "svc": f"{self.namespace}/{self.name}",
            "ip": self.address,
            "pool": self.pool,
            "node": self.node,
            "how": f"{self.how} {self.source}",
        }


def services(state: State, now: float) -> tuple[ServiceRow, ...]:
    """All rows, in order."""
    seen = worked_out(state, now)
    return in_order(row for dated in state.services.values() for row in of_service(seen, dated))


def in_order(found: Iterable[ServiceRow]) -> tuple[ServiceRow, ...]:
    """The rows, problems first."""
    return tuple(sorted(found, key=lambda row: row.order))


def matching(rows: tuple[ServiceRow, ...], text: str) -> tuple[ServiceRow, ...]:
    """The rows that the filter keeps."""
    return tuple(row for row in rows if filters.keeps(text, row.columns)) if text.strip() else rows


def of_service(view: View, dated: Dated) -> tuple[ServiceRow, ...]:
    """The rows of one Service."""
    service = dated.service
    pools = {ip: _pool_of(view.state, ip) for ip in service.ingress}
    if service.load_balancer_class is not None and not any(pools.values()):
        return ()  # another load balancer's, by its own word
    return tuple(
        _row(view, dated, address, pools.get(address, "")) for address in dict.fromkeys(service.ingress or ("",))
    )


def _row(view: View, dated: Dated, address: str, pool: str) -> ServiceRow:
    service = dated.service
    source = requests.pin_source(service)
    holder = holders.find(view.evidence, service.key, address) if address else Holder(known=False)
    word, why = _judge(view, service, address, holder) if address else (Word.PEND, _pending(view, service))
    rival = _rival(view, service)
    if rival and word is not Word.CONF:
        word, why = Word.RIVL, rival
    why = _with_remarks(word, why, source, map(str, spelling.slips(service)))
    return ServiceRow(
        key=f"{service.key}|{address}",
        word=word,
        namespace=intern(service.namespace),
        name=service.name,
        address=address,
        shared=view.shares.get(address, 1) if address else 0,
        pool=pool or requests.annotation(service, requests.ADDRESS_POOL) or "",
        how=PINNED if source else AUTO,
        source=source,
        nodes=once(holder.nodes),
        node=_shown(holder, word) if address else "-",
        why=intern(why),  # what many rows say stands in memory once
        since_at=holder.since,
        created=dated.created,
        at=view.now,
    )


def told_at(row: ServiceRow, at: float, *, fresh: bool = False) -> ServiceRow:
    """A row that was made earlier and still holds, with its ages as they are now."""
    return replace(row, at=at, fresh=fresh)


def _with_remarks(word: Word, why: str, source: str, slips: Iterable[str]) -> str:
    """What is wrong comes first, then what is written wrongly, then how it stands."""
    pinned = f"pinned by {source}" if source and word not in PROBLEMS else ""
    stands = ", ".join(part for part in (why, pinned) if part)
    told = (stands, *slips) if word in PROBLEMS else (*slips, stands)
    return "; ".join(part for part in told if part)


def _rival(view: View, service: Service) -> str:
    """Who else writes the Service's status, as far as the leading controller told it lately."""
    contest = view.state.contests.get(service.key)
    if contest is None or view.now - view.state.contests_at > CONTEST_SHOWN_S:
        return ""
    wrote = " ".join(contest.wrote) or "nothing"
    return f'"{contest.by}" writes this Service\'s status, too ({wrote}), and pylb leaves it alone; stop one of the two'


def _shown(holder: Holder, word: Word) -> str:
    if not holder.nodes:
        return "none" if holder.known else "?"
    if word is Word.CONF:
        return ",".join(holder.nodes) + "!"
    if word is Word.HELP:
        return f"{holder.helper} for {holder.nodes[0]}"
    return holder.nodes[0] + ("?" if holder.guessed else "")


def _judge(view: View, service: Service, address: str, holder: Holder) -> tuple[Word, str]:
    """The state of a row that has an address, and why."""
    conflict = _conflict(view, service, address, holder)
    if conflict:
        return Word.CONF, conflict
    changes = holders.flapping(view.evidence, service.key, address)
    if changes:
        return Word.FLAP, f"it went to another node {changes} times within a minute: look at cables, switch and nodes"
    if not holder.nodes:
        return (Word.NOAN, _nobody(view, address, holder)) if holder.known else (Word.OK, UNTOLD)
    unwell = _unwell(view, holder)
    if unwell:
        return Word.DEGR, unwell
    word, change = Word.OK, ""
    if holder.helper:
        word, change = Word.HELP, f"{holder.helper} answers for {holder.nodes[0]}, whose speaker is away: nothing moves"
    elif moved := _moved(view, service, address, holder):
        word, change = Word.MOVE, moved
    heirs = f"next: {', '.join(holder.heirs)}" if holder.heirs else ""
    return word, ", ".join(filter(None, (change, UNWITNESSED if holder.provisional else "", heirs)))


def _conflict(view: View, service: Service, address: str, holder: Holder) -> str:
    if len(holder.nodes) > 1 and view.now - (holder.contested_at or 0.0) > CONTEST_S:
        unread = next(filter(None, (_unread(view, node) for node in holder.nodes)), "")
        return f"{len(holder.nodes)} nodes announce it: {', '.join(holder.nodes)}{'; ' if unread else ''}{unread}"
    foreign = view.state.foreign.get(address)
    if foreign is not None and view.now - foreign.at < FOREIGN_SHOWN_S:
        unread = _unread(view, foreign.seen_by)
        whose = f"; {unread}" if unread else ""
        return f"{foreign.mac}, which {foreign.seen_by} hears no speaker tell of, answers for it too{whose}"
    return ""


def _unread(view: View, node: str) -> str:
    """That a speaker shares no key with others, and what helps."""
    speaker = view.state.speakers.get(node)
    others = [name for name, _ in speaker.snapshot.strangers] if speaker else []
    return f"{node} shares no key with {', '.join(others)}: {RESTART}" if others else ""


def _nobody(view: View, address: str, holder: Holder) -> str:
    config = view.state.config
    ip = parsed(address)
    pool = config.pool_of((ip,)) if config is not None and ip is not None else None
    if config is not None and pool is None:
        return NO_POOL
    if config is not None and pool is not None and not config.advertisements.get(pool.name):
        return f"{NOBODY}: no L2Advertisement selects pool {pool.name}"
    excluded = ", ".join(f"{node}: {_sentence(reason)}" for node, reason in holder.excluded)
    detail = excluded or _sentence(holder.reason)
    return f"{NOBODY}: {detail}" if detail else NOBODY


def _unwell(view: View, holder: Holder) -> str:
    name = holder.nodes[0]
    node = view.state.nodes.get(name)
    if node is None and view.state.nodes:
        return f"{name} announces it and is no node of the cluster any more"
    if node is not None and not node.ready:
        return f"{name} announces it and is NotReady"
    silent = name in view.silent and not holder.helper
    return f"{name} announces it and its speaker is not heard" if silent else ""


def _moved(view: View, service: Service, address: str, holder: Holder) -> str:
    for key in (address, service.key):
        trail = view.evidence.trails.get(key)
        take = trail.of(holder.nodes[0]) if trail else None
        if take and take.before and view.now - take.since < MOVE_SHOWN_S:
            return f"moved here from {take.before}"
    return ""


def _pending(view: View, service: Service) -> str:
    waiting = view.state.waits.get(service.key)
    failed_at, failure = view.failures.get(service.key, (0.0, ""))
    if waiting is not None and waiting.at >= failed_at:
        return waiting.text
    if failure:
        return failure
    asked = requests.parse(service)
    if not isinstance(asked, requests.Refusal):
        return WAITING
    fix = remedies.advise(view.state.config, asked.rest, asked.reason) if view.state.config is not None else ""
    return f"{asked.text}; {fix}" if fix else asked.text


def _pool_of(state: State, address: str) -> str:
    ip = parsed(address)
    if state.config is None or ip is None:
        return ""
    pool = state.config.pool_of((ip,))
    return pool.name if pool is not None else ""


def _sentence(reason: str) -> str:
    try:
        return Reason(reason).text
    except ValueError:
        return reason.replace("_", " ")
