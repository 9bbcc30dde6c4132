"""What is wrong between pools and the BGPAdvertisements that are about them; texts are MetalLB's.

A thousand of each make a million pairs: pools that the same advertisements are about share one row of them
(`core.config.layer2.choose`), and what is said of a row is found out once. It does not know what is wrong with one alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pylb.core.config.objects import BFDProfile, BGPAdvertisement, BGPPeer, Pool, Problem
from pylb.core.config.sessions import Nodes
from pylb.core.model import PoolName
from pylb.core.ranges import Range

MAX_POOLS = 5  # that are told of the same thing in the same advertisements
Row = Sequence[BGPAdvertisement]
Pair = tuple[Pool, Sequence[str]]  # a pool, and its ranges as typed


@dataclass(slots=True)
class _Told:
    """Of how many pools each thing was told."""

    counts: Counter[Hashable] = field(default_factory=Counter)

    def enough(self, *what: Hashable) -> bool:
        """Note one more; True where that is too many."""
        self.counts[what] += 1
        return self.counts[what] > MAX_POOLS


def across(
    pools: Iterable[Pair],
    rows: Mapping[PoolName, Row],
    peers: Mapping[str, BGPPeer],
    profiles: Mapping[str, BFDProfile],
    nodes: Nodes,
) -> Iterator[Problem]:
    """All of it; `rows` are the advertisements of each pool. Of pools that the same is to say of, MAX_POOLS are told."""
    told = _Told()
    echoing = {name: profiles[one.profile] for name, one in peers.items() if _echoes(one, profiles)}
    shortest: dict[int, tuple[int, int]] = {}
    for pool, texts in pools:
        row = rows[pool.name]
        if not row:
            continue
        if id(row) not in shortest:
            shortest[id(row)] = _shortest(row)
        yield from _lengths(row, shortest[id(row)], pool, texts, told)
        versions = frozenset(span.version for span in pool.ranges)
        if echoing and 6 in versions and not told.enough(id(row), "echoes"):
            yield from _echo(row, pool, echoing)
        if (id(row), versions) not in told.counts:
            told.enough(id(row), versions)
            yield from preferences(row, versions, nodes)


def _shortest(row: Row) -> tuple[int, int]:
    return min(one.aggregation_length for one in row), min(one.aggregation_length_v6 for one in row)


def _lengths(row: Row, least: tuple[int, int], pool: Pool, texts: Sequence[str], told: _Told) -> Iterator[Problem]:
    """Aggregation lengths that no block of a pool's range has room for."""
    for span, text in zip(pool.ranges, texts, strict=True):
        v6, widest = span.version == 6, _widest(span)
        if least[v6] >= widest or told.enough(id(row), v6, widest):
            continue
        name = "spec.aggregationLengthV6" if v6 else "spec.aggregationLength"
        for advert in row:
            length = advert.aggregation_length_v6 if v6 else advert.aggregation_length
            if length < widest:
                said = (
                    f"invalid aggregation length {length}: prefix {widest} in this pool is more specific than the "
                    f"aggregation length for addresses {text}"
                )
                yield Problem(advert.ref, name, said, f"write {widest} or more, or a wider range in {pool.ref}")


def _widest(span: Range) -> int:
    """The prefix length of the widest of the blocks that make up a range."""
    return min(block.prefixlen for block in span.blocks())


def _echoes(peer: BGPPeer, profiles: Mapping[str, BFDProfile]) -> bool:
    profile = profiles.get(peer.profile)
    return profile is not None and profile.echo_mode


def _echo(row: Row, pool: Pool, echoing: Mapping[str, BFDProfile]) -> Iterator[Problem]:
    """BFD's echo mode towards peers that IPv6 addresses are announced to."""
    for advert in row:
        for name in sorted(advert.peers & echoing.keys() if advert.peers else echoing):
            text = (
                f"pool {pool.name} has bgpadvertisement {advert.name} which references peer {name} which has bfd echo "
                "enabled, which is not possible"
            )
            fix = f"take echoMode from {echoing[name].ref}, or name other peers"
            yield Problem(advert.ref, "spec.peers", text, fix)


@dataclass(slots=True)
class _Alike:
    """Advertisements of the same prefixes, peers and nodes: the first, and the first that says another preference."""

    sample: BGPAdvertisement
    first: int
    other: int | None = None


def preferences(row: Row, versions: Iterable[int], nodes: Nodes) -> Iterator[Problem]:
    """Advertisements of a pool with ranges of those IP versions that say two local preferences for one update."""
    plain = [advert for advert in row if not advert.services]
    if len({advert.local_pref for advert in plain}) < 2:
        return
    known: dict[Hashable, _Alike] = {}
    for number, advert in enumerate(plain):
        clash = _first_clash(number, plain, known.values(), tuple(versions), nodes)
        if clash is not None:
            yield _disagree(advert, plain[clash])
        key = (advert.aggregation_length, advert.aggregation_length_v6, advert.peers, frozenset(advert.nodes))
        alike = known.setdefault(key, _Alike(advert, number))
        if alike.other is None and alike.sample.local_pref != advert.local_pref:
            alike.other = number


def _first_clash(number: int, plain: Row, known: Iterable[_Alike], versions: Sequence[int], nodes: Nodes) -> int | None:
    """The number of the first advertisement before this one that it does not agree with."""
    advert, found = plain[number], None
    for alike in known:
        at = alike.first if alike.sample.local_pref != advert.local_pref else alike.other
        if at is not None and (found is None or at < found) and _meet(advert, alike.sample, versions, nodes):
            found = at
    return found


def _meet(one: BGPAdvertisement, other: BGPAdvertisement, versions: Iterable[int], nodes: Nodes) -> bool:
    """Whether some node sends updates of both, of the same prefixes, to the same peer."""
    if not any(_length(one, version) == _length(other, version) for version in versions):
        return False
    if one.peers and other.peers and not one.peers & other.peers:
        return False
    return nodes.shared(one.nodes, other.nodes)


def _length(advert: BGPAdvertisement, version: int) -> int:
    return advert.aggregation_length if version == 4 else advert.aggregation_length_v6


def _disagree(advert: BGPAdvertisement, other: BGPAdvertisement) -> Problem:
    text = (
        f"invalid local preference {advert.local_pref}: local preferernce {other.local_pref} was already set for the same "
        "type of BGP update. Check existing BGP advertisements with common pools and aggregation lengths"
    )
    fix = f"the other is {other.ref}: give both the same, or other peers, nodes or aggregation lengths"
    return Problem(advert.ref, "spec.localPref", text, fix)
