"""The definitions as a real API server enforces them: each bound, choice, type, default, rule, column and version.

All of it in a namespace that pylb does not read. What is asked comes from the same table as the definitions, through
samples that a unit test holds to be complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.client import Cluster
from fakes.bgp_objects import made
from fakes.config_samples import JSON, SAMPLES, TABLE, changed, fields, outside, places, said, spec_of
from pylb.core.config.loader import KINDS, Objects, load
from pylb.core.crds.table import definitions, resource
from pylb.kube import decode

SPACE = "definitions"
RIGHT: dict[tuple[str, str], JSON] = {key: samples[0] for key, samples in SAMPLES.items()}
NEWEST = {kind: resource(kind).versions[-1].name for kind in KINDS.values()}
OLD, NEW = "bgppeers.v1beta1.metallb.io", "bgppeers.v1beta2.metallb.io"


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[Cluster]:
    """With a namespace of its own for the module."""
    assert cluster.kubectl("create", "namespace", SPACE).returncode == 0
    yield cluster
    cluster.kubectl("delete", "namespace", SPACE)


def tried(space: Cluster, objects: list[JSON], validate: str = "false") -> tuple[list[JSON], list[str]]:
    """What the API server would make of the objects, and what it says against each that it refuses."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    done = space.kubectl(
        "create", "--dry-run=server", "-o", "json", f"--validate={validate}", "-n", SPACE, "-f", "-", text=text
    )
    return list(documents(done.stdout)), [line for line in done.stderr.splitlines() if line.strip()]


def documents(text: str) -> Iterator[JSON]:
    """JSON objects, one behind the other, as kubectl prints what it created."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].lstrip()


def named(kind: str, version: str, number: int, spec: JSON) -> JSON:
    body = made(kind, f"x{number}", version, SPACE, **spec)
    del body["metadata"]["uid"]
    return body


def refused(kind: str, version: str) -> Iterator[tuple[str, JSON]]:
    """(field, spec) of each way to leave the shape: beyond a bound, none of the choices, another type, missing."""
    rows = {path: (schema, required) for path, schema, required in fields(spec_of(kind, version))}
    for sample in SAMPLES[kind, version]:
        for path, keys in places(sample):
            schema, required = rows[path]
            for value in (*outside(schema), {"a": 1} if schema["type"] in ("array", "string") else ["a"]):
                yield said(keys), changed(sample, keys, value)
            if required:
                yield said(keys), changed(sample, keys)


@pytest.mark.parametrize(("kind", "version"), TABLE)
def test_every_bound_type_choice_and_required_field_is_enforced(space: Cluster, kind: str, version: str) -> None:
    wrong = list(refused(kind, version))
    taken, told = tried(space, [named(kind, version, number, spec) for number, (_, spec) in enumerate(wrong)])
    assert not taken
    for number, (field, _) in enumerate(wrong):
        texts = [text for text in told if f'"x{number}" is invalid' in text]
        assert texts, (field, told[:3])
        assert field in texts[0] or field.replace(".[", "[") in " ".join(told), (field, texts)


@pytest.mark.parametrize(("kind", "version"), TABLE)
def test_every_field_and_the_bounds_themselves_are_taken(space: Cluster, kind: str, version: str) -> None:
    rows = {path: schema for path, schema, _ in fields(spec_of(kind, version))}
    right = list(SAMPLES[kind, version])
    for path, keys in places(RIGHT[kind, version]):
        values = [rows[path].get("minimum"), rows[path].get("maximum"), *rows[path].get("enum", ())]
        right += [changed(RIGHT[kind, version], keys, value) for value in values if value is not None]
    taken, told = tried(space, [named(kind, version, number, spec) for number, spec in enumerate(right)])
    assert [text for text in told if "Warning" not in text] == []
    assert [one["spec"] for one in taken] == [{**defaults(kind, version), **spec} for spec in right]


def defaults(kind: str, version: str) -> JSON:
    return {path: schema["default"] for path, schema, _ in fields(spec_of(kind, version)) if "default" in schema}


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_default_is_filled_in(space: Cluster, kind: str) -> None:
    least = {name: RIGHT[kind, NEWEST[kind]][name] for name in spec_of(kind, NEWEST[kind]).get("required", ())}
    [found], told = tried(space, [named(kind, NEWEST[kind], 0, least)])
    assert not told
    assert found["spec"] == {**defaults(kind, NEWEST[kind]), **least}


RULES: list[Any] = [
    ("BGPPeer", {"connectTime": "500ms"}, "connect time should be between 1 seconds to 65535"),
    ("BGPPeer", {"connectTime": "65536s"}, "connect time should be between 1 seconds to 65535"),
    ("BGPPeer", {"connectTime": "1500ms"}, "connect time should contain a whole number of seconds"),
    ("BGPPeer", {"connectTime": "soon"}, "Invalid value"),
    ("BGPPeer", {"connectTime": "1s"}, ""),
    ("BGPPeer", {"connectTime": "65535s"}, ""),
    ("BGPAdvertisement", {"aggregationLength": 24, "serviceSelectors": [{}]}, "serviceSelectors"),
    ("BGPAdvertisement", {"aggregationLengthV6": 64, "serviceSelectors": [{}]}, "serviceSelectors"),
    ("BGPAdvertisement", {"aggregationLength": 24, "serviceSelectors": []}, ""),
    ("BGPAdvertisement", {"aggregationLength": 32, "serviceSelectors": [{}]}, ""),
]


@pytest.mark.parametrize(("kind", "spec", "says"), RULES)
def test_every_rule_in_cel_is_enforced(space: Cluster, kind: str, spec: JSON, says: str) -> None:
    whole = {"myASN": 1, "peerASN": 2, "peerAddress": "10.9.9.1", **spec} if kind == "BGPPeer" else spec
    taken, told = tried(space, [named(kind, NEWEST[kind], 0, whole)])
    assert bool(taken) is not bool(says)
    assert says in " ".join(told)


def test_an_unknown_field_is_refused_by_kubectl(space: Cluster) -> None:
    body = named("IPAddressPool", "v1beta1", 0, {"addresses": ["10.0.0.0/24"], "autoAsign": False})
    taken, told = tried(space, [body], "strict")
    assert not taken
    assert re.search('unknown field "(spec.)?autoAsign"', " ".join(told))


def test_what_is_immutable_cannot_be_changed(space: Cluster) -> None:
    """A rule of transition on an optional field speaks only where the field is there before and after."""
    peer = named("BGPPeer", "v1beta2", 1, {**RIGHT["BGPPeer", "v1beta2"], "enableGracefulRestart": True})
    apply(space, peer)
    assert "cannot be changed after creation" in patched(space, NEW, "x1", {"spec": {"enableGracefulRestart": False}})
    assert patched(space, NEW, "x1", {"spec": {"holdTime": "12s"}}) == ""
    assert patched(space, NEW, "x1", {"spec": {"enableGracefulRestart": None}}) == ""
    for kind in ("ServiceL2Status", "ServiceBGPStatus"):
        plural = f"{resource(kind).plural}.metallb.io"
        apply(space, named(kind, "v1beta1", 1, {}))
        status = {"node": "n1", "serviceName": "web", "serviceNamespace": "default"}
        assert patched(space, plural, "x1", {"status": status}, "--subresource=status") == ""
        for field in status:
            said_no = patched(space, plural, "x1", {"status": {field: "other"}}, "--subresource=status")
            assert "Value is immutable" in said_no, (kind, field)


def apply(space: Cluster, body: JSON) -> None:
    done = space.kubectl("apply", "-n", SPACE, "-f", "-", text=json.dumps(body))
    assert done.returncode == 0, done.stderr


def patched(space: Cluster, plural: str, name: str, body: JSON, *words: str) -> str:
    """What is said against a change; "" where it is made."""
    done = space.kubectl("patch", plural, name, "-n", SPACE, "--type=merge", *words, "-p", json.dumps(body))
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("body", definitions(), ids=lambda body: body["spec"]["names"]["kind"])
def test_every_column_is_shown(space: Cluster, body: JSON) -> None:
    kind, plural = body["spec"]["names"]["kind"], body["metadata"]["name"]
    version = body["spec"]["versions"][-1]
    apply(space, named(kind, version["name"], 2, RIGHT.get((kind, version["name"]), {})))
    done = space.kubectl("get", plural, "x2", "-n", SPACE, "-o", "wide")
    head, row = done.stdout.splitlines()
    shown = [part.strip() for part in head.split("  ") if part.strip()]
    wanted = [column["name"].upper() for column in version.get("additionalPrinterColumns", ())]
    assert shown == ["NAME", *(wanted or ["AGE"])]
    assert row.startswith("x2")


def test_both_versions_of_a_peer_are_one_object(space: Cluster) -> None:
    """What is written in the older version is read in the newer one, with its defaults, and the other way round without
    the fields that the older does not have; those stay as long as nobody writes the object in that version."""
    old = RIGHT["BGPPeer", "v1beta1"]
    apply(space, named("BGPPeer", "v1beta1", 3, old))
    newer = read(space, NEW, "x3")
    assert newer["apiVersion"] == "metallb.io/v1beta2"
    assert newer["spec"] == {**defaults("BGPPeer", "v1beta2"), **old}
    assert patched(space, NEW, "x3", {"spec": {"vrf": "red", "localASN": 7}}) == ""
    older = read(space, OLD, "x3")
    assert older["apiVersion"] == "metallb.io/v1beta1"
    assert older["spec"] == old
    assert read(space, NEW, "x3")["spec"]["vrf"] == "red", "reading it in the older version takes nothing"
    assert patched(space, OLD, "x3", {"spec": {"holdTime": "30s"}}) == ""
    written = read(space, NEW, "x3")["spec"]
    assert written["holdTime"] == "30s"
    assert {"vrf", "localASN"} & set(written) == set(), "writing it in the older version drops what that does not have"


def test_a_peer_without_a_port_has_the_port_of_bgp_in_both_versions(space: Cluster) -> None:
    spec = {"myASN": 1, "peerASN": 2, "peerAddress": "10.9.9.1"}
    apply(space, named("BGPPeer", "v1beta1", 4, spec))
    assert read(space, NEW, "x4")["spec"]["peerPort"] == 179


def read(space: Cluster, plural: str, name: str) -> JSON:
    done = space.kubectl("get", plural, name, "-n", SPACE, "-o", "json")
    found: JSON = json.loads(done.stdout)
    return found


def test_what_the_older_version_cannot_say_is_shown_and_not_written(space: Cluster) -> None:
    newer = {"myASN": 1, "dynamicASN": "external", "interface": "eth0"}
    apply(space, named("BGPPeer", "v1beta2", 5, newer))
    assert read(space, OLD, "x5")["spec"] == {"myASN": 1, "peerPort": 179}
    assert "spec.peerASN: Required value" in patched(space, OLD, "x5", {"spec": {"holdTime": "30s"}})
    assert read(space, NEW, "x5")["spec"] == {**defaults("BGPPeer", "v1beta2"), **newer}


def test_port_0_of_the_older_version_is_read_as_the_port_of_bgp(space: Cluster) -> None:
    apply(space, named("BGPPeer", "v1beta1", 6, {"myASN": 1, "peerASN": 2, "peerAddress": "10.9.9.1", "peerPort": 0}))
    found = read(space, NEW, "x6")
    assert found["spec"]["peerPort"] == 0, (
        "beyond the newer version's bounds, and what stands there is not judged again"
    )
    loaded = load(Objects(peers=[decode.custom_resource(found)]))
    assert loaded.config is not None, loaded.problems
    assert loaded.config.peers["x6"].port == 179
    assert patched(space, NEW, "x6", {"spec": {"holdTime": "30s"}}) == "", "another field can be changed all the same"


def test_what_is_immutable_goes_with_a_write_in_the_older_version(space: Cluster) -> None:
    apply(space, named("BGPPeer", "v1beta2", 7, {**RIGHT["BGPPeer", "v1beta2"], "enableGracefulRestart": True}))
    assert patched(space, OLD, "x7", {"spec": {"holdTime": "30s"}}) == ""
    assert "enableGracefulRestart" not in read(space, NEW, "x7")["spec"]
