"""Any valid old ConfigMap means the same read live, and turned into resources; and at every step between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from pylb.core.config import loader as config
from pylb.core.config.objects import KINDS, Objects
from pylb.core.legacy import conversion as legacy
from pylb.core.legacy import names as legacy_names
from pylb.core.legacy import twins as legacy_twins
from pylb.core.model import ObjectRef
from pylb.kube import documents

CONFIGMAP = ObjectRef("ConfigMap", "metallb-system", "config")
NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
COMMUNITIES = st.builds("{}:{}".format, st.integers(1, 65535), st.integers(0, 65535))
SECONDS = st.integers(3, 600).map("{}s".format)


def some(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional={key.replace("_", "-"): each for key, each in optional.items()})


ADVERTS = some({}, aggregation_length=st.integers(24, 32), communities=st.lists(COMMUNITIES, max_size=2, unique=True))
EXPRESSIONS = some(
    {
        "key": NAMES,
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.lists(NAMES, min_size=1, max_size=2, unique=True),
    }
)
SELECTORS = some(
    {}, match_labels=st.dictionaries(NAMES, NAMES, max_size=2), match_expressions=st.lists(EXPRESSIONS, max_size=1)
)
PEERS = some(
    {"my-asn": st.integers(1, 2**32 - 1), "peer-asn": st.integers(1, 2**32 - 1)},
    peer_port=st.integers(1, 16384),
    hold_time=SECONDS,
    password=st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True),
    ebgp_multihop=st.just(False),
    node_selectors=st.lists(SELECTORS, max_size=1),
)
PROFILES = some({}, receive_interval=st.integers(10, 60000), echo_mode=st.booleans(), minimum_ttl=st.integers(1, 254))


@st.composite
def documents_(draw: st.DrawFn) -> dict[str, Any]:
    """A whole configuration; pools are apart, and peers are."""
    pools = []
    for number, name in enumerate(draw(st.lists(NAMES, max_size=4, unique=True))):
        protocol = draw(st.sampled_from(["layer2", "bgp"]))
        pool: dict[str, Any] = {"name": name, "protocol": protocol, "addresses": [f"10.{number}.0.0/24"]}
        pool |= draw(some({}, auto_assign=st.booleans(), avoid_buggy_ips=st.booleans()))
        if protocol == "bgp" and draw(st.booleans()):
            pool["bgp-advertisements"] = [draw(ADVERTS)]
        pools.append(pool)
    names = draw(st.lists(NAMES, max_size=2, unique=True))
    profiles = [{"name": name, **draw(PROFILES)} for name in names]
    peers = []
    for number, peer in enumerate(draw(st.lists(PEERS, max_size=3))):
        profile = {"bfd-profile": draw(st.sampled_from(names))} if names and draw(st.booleans()) else {}
        peers.append({**peer, "peer-address": f"192.0.2.{number + 1}", **profile})
    aliases = draw(st.dictionaries(NAMES, COMMUNITIES, max_size=3))
    return {"address-pools": pools, "peers": peers, "bfd-profiles": profiles, "bgp-communities": aliases}


def meaning(value: Any) -> Any:
    """A value without the objects that it comes from."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: meaning(getattr(value, one.name)) for one in fields(value) if one.compare and one.name != "ref"
        }
    if isinstance(value, Mapping):
        return {key: meaning(each) for key, each in value.items()}
    return [meaning(each) for each in value] if isinstance(value, (list, tuple)) else value


def loaded(objects: Objects) -> Any:
    found = config.load(objects)
    return meaning(found.config), [problem.text for problem in found.problems]


@given(documents_())
def test_resources_mean_what_the_configmap_means(document: dict[str, Any]) -> None:
    made = legacy.convert(document, CONFIGMAP)
    assert made.problems == ()
    live = Objects(**{field: list(getattr(made, field)) for field in KINDS})
    wanted = [dict(one.body) for one in legacy_names.named(made, "metallb-system").wanted]
    resources = {field: [raw for raw in wanted if raw["kind"] == kind] for field, kind in KINDS.items()}
    found, problems = loaded(live)
    assert problems == []
    assert loaded(Objects(**resources)) == (found, [])
    assert legacy_twins.unmatched(made, resources) == legacy.Converted()


@given(documents_(), st.integers(0, 20))
def test_each_step_of_an_import_means_the_same(document: dict[str, Any], steps: int) -> None:
    made = legacy.convert(document, CONFIGMAP)
    wanted = [dict(one.body) for one in legacy_names.named(made, "metallb-system").wanted]
    standing = {field: [raw for raw in wanted[:steps] if raw["kind"] == kind] for field, kind in KINDS.items()}
    rest = legacy_twins.unmatched(made, standing)
    mixed = Objects(**{field: [*rows, *getattr(rest, field)] for field, rows in standing.items()})
    whole = Objects(**{field: list(getattr(made, field)) for field in KINDS})
    (some_config, some_problems), (all_config, all_problems) = loaded(mixed), loaded(whole)
    assert some_problems == all_problems
    if all_config is not None:
        assert some_config["pools"] == all_config["pools"]
        assert some_config["advertisements"] == all_config["advertisements"]


@given(documents_())
def test_it_is_read_alike_from_yaml_and_from_its_values(document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document)
    assert legacy.convert(documents.read_texts(text), CONFIGMAP) == legacy.convert(document, CONFIGMAP)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from([*legacy.TOP_KEYS, *legacy.POOL_KEYS, "node-selectors", "match-labels", "x"]), inner
            )
        ),
        max_leaves=30,
    )
)
def test_whatever_stands_there_gives_a_value(document: Any) -> None:
    made = legacy.convert(document, CONFIGMAP)
    assert len(made.problems) <= legacy.MAX_PROBLEMS
    legacy_names.named(made, "metallb-system")
