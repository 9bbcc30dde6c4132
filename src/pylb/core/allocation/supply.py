"""What the pools have for a request: which addresses are free for it or may be shared, and which of them it is given.

Pools come in ranks, and a better rank is tried first. Within one, a Service is given what it had before, then what nobody
had lately, and only then what another Service may come back for, the longest gone first, as DHCP servers do. Addresses
that a pool reserves, and nodes' own, are not given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.allocation.memory import Memory
from pylb.core.allocation.requests import PREFER_DUAL_STACK, Request
from pylb.core.config.loader import Config, Pool
from pylb.core.model import Address, NodeName, ServiceKey
from pylb.core.notices import Notice
from pylb.core.ranges import without
from pylb.core.reasons import Reason

Give = Callable[["Case", Pool, int], "Address | None"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an address, a pool or all pools cannot serve a request."""

    reason: Reason
    text: str  # in MetalLB's words
    blockers: tuple[ServiceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One Service before the config and the ledger; its own uses never stand in its way."""

    config: Config
    ledger: Ledger
    request: Request
    taken: Mapping[Address, NodeName]  # addresses in pools that are nodes' own
    memory: Memory
    recorded: tuple[Address, ...] = ()  # what the Service has
    told: list[Notice] = field(default_factory=list)


def find(case: Case, ranks: Iterable[Sequence[Pool]]) -> Allocation | None:
    """What the pools have for the request: all its families from one pool, else, if it prefers both, one of them."""
    request = case.request
    tried: list[Sequence[Pool]] = [rank for rank in ranks if rank]
    holder = case.config.pool_of(case.recorded)
    if holder is not None and any(holder is pool for rank in tried for pool in rank):
        tried.insert(0, [holder])  # who changes families stays where it is, if that can be
    families = sorted(request.families)
    wishes = [families]
    if request.policy == PREFER_DUAL_STACK and len(families) == 2:
        wishes += [[version] for version in sorted(families, key=lambda version: version != request.primary)]
    offers = (_of_rank(case, rank, wish) for wish in wishes for rank in tried)
    return next((offer for offer in offers if offer is not None), None)


def first_free(case: Case, pool: Pool, version: int) -> Address | None:
    """The address of a pool that the Service is given: its own of before, else the best that is free or may be shared."""
    return _own(case, pool).get(version) or _spare(case, pool, version) or _any(case, pool, version)


def check_sharing(ledger: Ledger, request: Request, address: Address) -> Rejection | None:
    """Why the Service may not use the address beside those that use it already (MetalLB's `checkSharing`)."""
    mine = request.use
    if ledger.fits(address, request.key, mine):
        return None
    others = {key: use for key, use in ledger.users(address).items() if key != request.key}
    shares = [use for use in others.values() if use.sharing and use.sharing == mine.sharing]
    if len(shares) < len(others) or any(use.backend != mine.backend for use in shares):
        users = tuple(sorted(others))
        text = f'can\'t change sharing key for "{request.key}", address also in use by {",".join(users)}'
        keyed = all(use.sharing for use in others.values())
        return Rejection(Reason.SHARING_KEY_DIFFERS if keyed else Reason.ADDRESS_IN_USE, text, users)
    clash = next(((key, port) for key, use in sorted(others.items()) for port in sorted(use.ports & mine.ports)), None)
    if clash is None:
        return None
    return Rejection(Reason.PORT_IN_USE, f'port {clash[1]} is already in use on "{address}"', (clash[0],))


def _of_rank(case: Case, rank: Sequence[Pool], families: Sequence[int]) -> Allocation | None:
    for pool in _holders(case, rank):
        if any(version in _own(case, pool) for version in families):
            found = _complete(pool, (first_free(case, pool, version) for version in families))
            if found is not None:
                return found
    gives = (_spare, _any) if case.memory.entries else (_any,)
    return next(filter(None, (_first(case, rank, give, families) for give in gives)), None)


def _holders(case: Case, rank: Sequence[Pool]) -> list[Pool]:
    """The pools that the Service has or had addresses of."""
    had = (*case.recorded, *case.memory.addresses(case.request.key))
    found = [case.config.pool_of((address,)) for address in had]
    return [pool for pool in rank if any(pool is one for one in found)] if found else []


def _first(case: Case, rank: Sequence[Pool], give: Give, families: Sequence[int]) -> Allocation | None:
    """What the first pool gives that has something; those are not asked again that had nothing for such a Service."""
    kind = give.__name__, tuple(families), case.request.use if case.request.use.sharing else None, case.memory.forgets
    ledger, known = case.ledger, (rank, case.taken, case.memory)
    for index in range(ledger.passed(kind, known), len(rank)):
        pool = rank[index]
        found = _complete(pool, (give(case, pool, version) for version in families))
        if found is not None:
            ledger.pass_by(kind, known, index)
            return found
    ledger.pass_by(kind, known, len(rank))
    return None


def _complete(pool: Pool, addresses: Iterable[Address | None]) -> Allocation | None:
    found = tuple(addresses)
    given = tuple(address for address in found if address is not None)
    return Allocation(given, pool.name) if len(given) == len(found) else None


def _own(case: Case, pool: Pool) -> dict[int, Address]:
    """What the Service has or had of a pool and may have again, by family."""
    had = case.memory.addresses(case.request.key) if pool.remembered else ()
    again = (
        address
        for address in had
        if any(address in span for span in pool.offered)
        and (case.ledger.users(address) or not _joins(case, pool, address.version))
    )
    return {
        address.version: address
        for address in (*again, *(address for address in case.recorded if address in pool))
        if address not in case.taken and _is_given(case, pool, address)
    }


def _joins(case: Case, pool: Pool, version: int) -> bool:
    """Whether the Service would share with others if nothing were remembered: who asks to share comes for that."""
    key, use = case.request.key, case.request.use
    found = case.ledger.available(_giving(case, pool), version, key, use) if use.sharing else None
    return found is not None and bool(case.ledger.users(found).keys() - {key})


def _is_given(case: Case, pool: Pool, address: Address) -> bool:
    return pool.usable(address) and case.ledger.fits(address, case.request.key, case.request.use)


def _spare(case: Case, pool: Pool, version: int) -> Address | None:
    """The lowest address that is free or may be shared, and that no other Service may come back for."""
    if not pool.remembered or not case.memory.entries:
        return _any(case, pool, version)
    return case.ledger.available(_giving(case, pool), version, case.request.key, case.request.use, case.memory)


def _any(case: Case, pool: Pool, version: int) -> Address | None:
    """The lowest address that is free or may be shared; where Services may come back for all of them, the one that was
    waited for the longest."""
    giving = _giving(case, pool)
    lowest = case.ledger.available(giving, version, case.request.key, case.request.use)
    if lowest is None or not pool.remembered or not _is_awaited(case, lowest):
        return lowest
    awaited = (  # several may come back for one address: the last that had it counts
        address
        for entry in case.memory.entries.values()
        for address in entry.addresses
        if entry.gone == case.memory.gone(address)
    )
    return next((one for one in awaited if one.version == version and _is_open(case, giving, one)), lowest)


def _is_open(case: Case, giving: Pool, address: Address) -> bool:
    inside = any(address in span for span in giving.offered)
    return inside and giving.usable(address) and not case.ledger.users(address)


def _is_awaited(case: Case, address: Address) -> bool:
    return not case.ledger.users(address) and case.memory.gone(address) is not None


def _giving(case: Case, pool: Pool) -> Pool:
    """A pool less the nodes' own addresses."""
    own = [address for address in case.taken if address in pool]
    return replace(pool, ranges=tuple(part for span in pool.ranges for part in without(span, own))) if own else pool
