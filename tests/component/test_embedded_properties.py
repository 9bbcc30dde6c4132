"""Properties of the embedded API server's pure parts: patches, selectors, schemas, the protobuf decoder, paths, ages."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.embedded import history, patches, protobuf, schema, selectors, tables
from pylb.embedded.errors import ApiError
from pylb.embedded.metadata import seconds
from pylb.embedded.resources import BUILT_IN, SERVICES, version_priority
from pylb.embedded.server import Options, new_store

WORDS = st.text("abc/~.$-", min_size=1, max_size=4)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=3)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(WORDS, v, max_size=3), max_leaves=12)
OBJECTS = st.dictionaries(WORDS, VALUES, max_size=4)
SAMPLES = [
    base64.b64decode(request["body"])
    for path in sorted((Path(__file__).parents[1] / "data" / "kubectl").glob("*.json"))
    for request in json.loads(path.read_text())["requests"]
    if request["content_type"].endswith("protobuf")
]


def clean(value: Any) -> Any:
    """A value without nulls in objects: what a merge patch can say."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items() if v is not None}
    return value


def difference(old: Any, new: Any) -> Any:
    """The merge patch from one object to another."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {k: difference(old[k], v) if k in old else v for k, v in new.items() if k not in old or old[k] != v}
    return changed | {k: None for k in old if k not in new}


@given(OBJECTS.map(clean), OBJECTS.map(clean))
def test_a_merge_patch_goes_where_it_should(old: Any, new: Any) -> None:
    """And leaves its input as it was."""
    before = json.dumps(old)
    assert patches.merge(old, difference(old, new)) == new
    assert json.dumps(old) == before


@given(OBJECTS, OBJECTS)
def test_strategic_merge_without_directives_sets_every_leaf(old: Any, patch: Any) -> None:
    """What the patch says stands in the result."""
    patch = {k: v for k, v in clean(patch).items() if not k.startswith("$")}
    result = patches.strategic(old, patch, lambda path: None)
    for name, value in patch.items():
        if not isinstance(value, dict):
            assert result[name] == value


@given(OBJECTS, st.lists(WORDS, min_size=1, max_size=3), VALUES)
def test_json_patch_adds_what_it_then_tests_and_removes(document: Any, steps: list[str], value: Any) -> None:
    """add, test, remove in a fresh place is the identity."""
    place = "/new" + "".join("/" + s.replace("~", "~0").replace("/", "~1") for s in steps)
    nested: Any = {}
    for step in reversed(steps[:-1]):
        nested = {step: nested}
    operations = [
        {"op": "add", "path": "/new", "value": nested},
        {"op": "add", "path": place, "value": value},
        {"op": "test", "path": place, "value": value},
    ]
    base = {k: v for k, v in document.items() if k != "new"}
    changed = patches.json_patch(base, operations)
    assert patches.json_patch(changed, [{"op": "remove", "path": "/new"}]) == base


OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
        optional={"path": st.text("/ab01-~", max_size=6), "from": st.text("/ab0", max_size=4), "value": VALUES},
    ),
    max_size=4,
)


@given(VALUES, OPERATIONS | VALUES)
def test_json_patch_raises_nothing_but_patch_errors(document: Any, operations: Any) -> None:
    """Whatever comes, and the document stays as it was."""
    before = json.dumps(document)
    with contextlib.suppress(patches.PatchError):
        patches.json_patch(document, operations)
    assert json.dumps(document) == before


@given(OBJECTS.map(clean), OBJECTS.map(clean), OBJECTS.map(clean))
def test_apply_removes_only_what_was_applied_before(other: Any, first: Any, second: Any) -> None:
    """With lists that are replaced: applying twice, the second apply stands, and fields of others stay."""
    none = lambda path: None
    first, second = ({k: v for k, v in x.items() if k[0] not in "$m"} for x in (first, second))
    one = patches.apply(other, None, first, none)
    two = patches.apply(one, first, second, none)
    assert patches.apply(two, second, second, none) == two
    for name, value in other.items():
        if name not in first and name not in second:
            assert two[name] == value
    for name in first.keys() - second.keys():
        assert name not in two


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]), max_size=3)


@given(LABELS, st.sampled_from("abc"), st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2))
def test_selectors_and_their_opposites(found: dict[str, str], key: str, values: list[str]) -> None:
    """in and notin, = and !=, key and !key exclude each other and leave nothing out; text and object agree."""
    some = ",".join(values)
    for one, other in (
        (f"{key} in ({some})", f"{key} notin ({some})"),
        (f"{key}={values[0]}", f"{key}!={values[0]}"),
        (key, f"!{key}"),
    ):
        assert selectors.labels(one)(found) is not selectors.labels(other)(found)
    as_object = selectors.selector_object({"matchExpressions": [{"key": key, "operator": "In", "values": values}]})
    assert as_object(found) is selectors.labels(f"{key} in ({some})")(found)
    assert selectors.labels(f"{key}, {key}={values[0]}")(found) is (found.get(key) == values[0])


@given(st.text(max_size=20))
def test_selector_texts_raise_one_error(text: str) -> None:
    """SelectorError, or a predicate."""
    for parse in (selectors.labels, lambda t: selectors.fields(t, SERVICES)):
        try:
            parse(text)
        except selectors.SelectorError:
            continue


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"k8s\x00" + tail))
def test_any_bytes_are_an_object_or_a_protobuf_error(data: bytes) -> None:
    """The decoder's one exception."""
    with contextlib.suppress(protobuf.ProtobufError):
        assert isinstance(protobuf.decode(data), dict)


@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_recordings_are_an_object_or_a_protobuf_error(sample: bytes, data: st.DataObject) -> None:
    """Bytes changed, cut and put twice, in bodies that kubectl sent."""
    place = data.draw(st.integers(0, len(sample) - 1))
    length = data.draw(st.integers(0, 4))
    damaged = sample[:place] + data.draw(st.binary(max_size=4)) + sample[place + length :]
    with contextlib.suppress(protobuf.ProtobufError):
        json.dumps(protobuf.decode(damaged))


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_recording_that_is_cut_short_is_refused(sample: bytes) -> None:
    """However little is missing: half an object is none."""
    for length in range(len(sample) - 12, len(sample) - 4):  # after it come two empty fields of the envelope
        with pytest.raises(protobuf.ProtobufError):
            protobuf.decode(sample[:length])


def test_what_kubectl_sent_is_read() -> None:
    """One recording of each kind, field by field where it matters."""
    found = {value["kind"]: value for value in map(protobuf.decode, SAMPLES)}
    assert {"Namespace", "Secret", "Deployment", "Service", "SelfSubjectAccessReview"} <= found.keys()
    assert base64.b64decode(found["Secret"]["data"]["secretkey"]) == b"c2VjcmV0"
    spec = found["Deployment"]["spec"]
    assert (spec["replicas"], spec["selector"]) == (1, {"matchLabels": {"app": "nginx"}})
    container = spec["template"]["spec"]["containers"][0]
    assert (container["image"], container["ports"][0]["containerPort"]) == ("nginx", 80)
    port = found["Service"]["spec"]["ports"][0]
    assert (port["port"], port["targetPort"], found["Service"]["spec"]["type"]) == (80, 8080, "LoadBalancer")


SCHEMAS = st.recursive(
    st.sampled_from(
        [{"type": t} for t in ("string", "integer", "boolean", "number")] + [{"x-kubernetes-int-or-string": True}]
    ),
    lambda s: (
        st.builds(lambda i: {"type": "array", "items": i}, s)
        | st.builds(lambda p: {"type": "object", "properties": p}, st.dictionaries(WORDS, s, max_size=3))
    ),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_schemas_never_raise_and_pruning_is_final(rules: Any, value: Any) -> None:
    """Whatever the value; a second pruning finds nothing, and the default of nothing changes nothing."""
    schema.validate(rules, value)
    schema.prune(rules, value, root=False)
    assert schema.prune(rules, value, root=False) == []
    before = json.dumps(value)
    schema.default(rules, value)
    assert json.dumps(value) == before


@given(OBJECTS)
def test_no_body_makes_the_store_fail_in_another_way_than_it_says(body: Any) -> None:
    """Every built-in kind, odd specs and statuses: stored or refused by an ApiError."""
    store = new_store(Options())
    codes: list[int] = []
    for resource in BUILT_IN:
        namespace = "default" if resource.namespaced else ""
        whole = {**body, "metadata": {"name": "x"}, "spec": body.get("a", {}), "status": body.get("b", {})}
        try:
            store.create(resource, namespace, whole)
        except ApiError as error:
            codes.append(error.code)
    assert set(codes) <= {400, 422}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (700, "11m"),
        (10_800, "3h"),
        (11_100, "3h5m"),
        (86_400, "24h"),
        (2 * 86_400, "2d"),
        (2 * 86_400 + 3600, "2d1h"),
        (30 * 86_400, "30d"),
        (800 * 86_400, "2y70d"),
        (4000 * 86_400, "10y"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    """As kubectl writes them."""
    assert tables.humanise(seconds) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.123456789Z", 1.123456789),
        ("1970-01-01T01:00:01+01:00", 1.0),
        ("1970-02-31T00:00:01Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_stamps_are_read_with_any_fraction(text: Any, wanted: float | None) -> None:
    """RFC 3339, on every Python."""
    assert seconds(text) == wanted


def test_the_ring_keeps_its_bound_and_every_change_in_it() -> None:
    """Versions follow each other; what is older than the ring is not known."""
    ring = history.History()
    start = ring.version
    for _ in range(history.RING + 10):
        ring.append(history.Change(ring.next_version(), history.ADDED, ("", "pods"), {}, None))
    assert not ring.knows(start + 9)
    assert ring.knows(start + 10)
    assert [c.version for c in ring.since(start + 10)] == list(range(start + 11, ring.version + 1))
    ring.compact()
    assert not ring.knows(ring.version - 1)
    assert ring.knows(ring.version)


def test_version_priority() -> None:
    """As the API sorts versions."""
    found = ["foo1", "v1alpha2", "v1beta1", "v11beta2", "v1", "v2", "v10"]
    assert sorted(found, key=version_priority) == ["v10", "v2", "v1", "v11beta2", "v1beta1", "v1alpha2", "foo1"]
