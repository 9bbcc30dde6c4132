"""L2Advertisements: one object read, and which pools are announced by which. Rules and texts are MetalLB's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pylb.core.config.objects import BGPAdvertisement, L2Advertisement, Pool, Preference
from pylb.core.config.sheets import Sheet
from pylb.core.model import Labels, PoolName
from pylb.core.selectors import Selector, matches_any

A = TypeVar("A", bound="L2Advertisement | BGPAdvertisement")


def read_layer2(sheet: Sheet) -> L2Advertisement | None:
    """The advertisement; None if anything is wrong with it, which the sheet then tells."""
    advert = L2Advertisement(
        name=sheet.name,
        ref=sheet.ref,
        pools=sheet.unique(sheet.spec.get("ipAddressPools", ()), "spec.ipAddressPools", "ipAddressPools"),
        pool_selectors=sheet.selectors(sheet.spec.get("ipAddressPoolSelectors", ()), "spec.ipAddressPoolSelectors"),
        nodes=read_nodes(sheet),
        interfaces=frozenset(sheet.spec.get("interfaces", ())),
        services=read_services(sheet),
        preferences=_preferences(sheet),
    )
    return None if sheet.problems else advert


def read_nodes(sheet: Sheet) -> tuple[Selector, ...]:
    """`spec.nodeSelectors` of an advertisement."""
    wrap = f"failed to parse node selector for {sheet.name}: {{}}"
    return sheet.selectors(sheet.spec.get("nodeSelectors", ()), "spec.nodeSelectors", wrap)


def read_services(sheet: Sheet) -> tuple[Selector, ...]:
    """`spec.serviceSelectors` of an advertisement."""
    wrap = f"failed to parse service selector for {sheet.name}: {{}}"
    return sheet.selectors(sheet.spec.get("serviceSelectors", ()), "spec.serviceSelectors", wrap)


def _preferences(sheet: Sheet) -> tuple[Preference, ...]:
    wrap = f"failed to parse preferred node selectors for {sheet.name}: {{}}"
    found = []
    for number, item in enumerate(sheet.spec.get("preferredNodeSelectors", ())):
        where = f"spec.preferredNodeSelectors[{number}].preference"
        nodes = sheet.selector(item.get("preference", {}), where, wrap)
        if nodes is not None:
            found.append(Preference(item.get("weight", 0), nodes))
    return tuple(found)


def choose(adverts: Sequence[A], pools: Iterable[tuple[Pool, Labels]]) -> dict[PoolName, tuple[A, ...]]:
    """For each pool, of its labels, the advertisements that are about it, in their order; unknown names are names of
    nothing. One that names its pools is not looked at for each of the others; pools of the same labels are looked at
    once, and those that the same advertisements are about share one tuple."""
    broad = [number for number, one in enumerate(adverts) if one.pool_selectors or not one.pools]
    named: dict[str, list[int]] = {}
    for number, one in enumerate(adverts):
        for name in one.pools:
            named.setdefault(name, []).append(number)
    selected: dict[frozenset[tuple[str, str]], list[int]] = {}
    rows: dict[tuple[int, ...], tuple[A, ...]] = {}
    found = {}
    for pool, labels in pools:
        alike = frozenset(labels.items())
        if alike not in selected:
            selected[alike] = [at for at in broad if _selects(adverts[at], labels)]
        numbers = tuple(sorted({*named.get(pool.name, ()), *selected[alike]}))
        if numbers not in rows:
            rows[numbers] = tuple(adverts[number] for number in numbers)
        found[pool.name] = rows[numbers]
    return found


def _selects(advert: L2Advertisement | BGPAdvertisement, labels: Labels) -> bool:
    """Whether an advertisement is about a pool with those labels, whatever it names."""
    return (not advert.pools and not advert.pool_selectors) or matches_any(advert.pool_selectors, labels)
