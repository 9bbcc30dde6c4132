"""Resources that say the same as an old ConfigMap which still stands: they take its place, entry by entry.

So a ConfigMap can be turned into resources while the daemons run: at each moment between the first resource and the
ConfigMap's end the configuration is the same, and valid. A resource that says anything else is no twin, and both stand:
what is wrong with that is for `core.config.loader` to tell. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pylb.core.config.objects import BGP_ADVERTISEMENT, L2_ADVERTISEMENT, PEER, POOL, PROFILE
from pylb.core.crds import shapes
from pylb.core.crds import table as crds
from pylb.core.legacy.conversion import Converted

JSON = Mapping[str, Any]
Key = Callable[[JSON], str]


def meaning(kind: str, spec: object) -> str:
    """A spec with all its defaults, so that two that mean the same are equal, whoever wrote them."""
    fitted = shapes.fit(crds.resource(kind).versions[-1].spec, spec, "spec")
    return json.dumps(spec if fitted.faults else fitted.value, sort_keys=True)


def unmatched(made: Converted, objects: Mapping[str, Iterable[JSON]]) -> Converted:
    """What of a ConfigMap no resource says; `objects` are the resources by the names of Converted's fields.

    Pools and profiles are twins if they have one name, too; advertisements and peers had none of their own.
    """
    return Converted(
        _apart(made.pools, objects.get("pools", ()), _named(POOL)),
        _apart(made.advertisements, objects.get("advertisements", ()), _nameless(L2_ADVERTISEMENT)),
        made.problems,
        _apart(made.bgp_advertisements, objects.get("bgp_advertisements", ()), _nameless(BGP_ADVERTISEMENT)),
        _apart(made.peers, objects.get("peers", ()), _nameless(PEER)),
        _apart(made.profiles, objects.get("profiles", ()), _named(PROFILE)),
        _aliases(made.communities, objects.get("communities", ())),
    )


def _apart(made: tuple[JSON, ...], others: Iterable[JSON], key: Key) -> tuple[JSON, ...]:
    known = {key(raw) for raw in others} if made else set()
    return tuple(raw for raw in made if key(raw) not in known)


def _named(kind: str) -> Key:
    return lambda raw: f"{raw['metadata'].get('name')} {meaning(kind, raw.get('spec'))}"


def _nameless(kind: str) -> Key:
    return lambda raw: meaning(kind, raw.get("spec"))


def _aliases(made: tuple[JSON, ...], others: Iterable[JSON]) -> tuple[JSON, ...]:
    """A Community of the names that no resource has with the same value."""
    known = [alias for raw in others for alias in _listed(raw)] if made else []
    left = [(raw, [alias for alias in _listed(raw) if alias not in known]) for raw in made]
    return tuple({**raw, "spec": {"communities": aliases}} for raw, aliases in left if aliases)


def _listed(raw: JSON) -> list[Any]:
    found = (raw.get("spec") or {}).get("communities")
    return found if isinstance(found, list) else []
