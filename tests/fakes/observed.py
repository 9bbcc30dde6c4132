"""What was observed of MetalLB (tests/data/observed), and what is seen now, in one form that can be compared.

An `Outcome` is flat: one entry for each thing that is said, by a path that names what says it. What is random (uids,
cluster IPs, node ports) or the time is left out; pods are named by what runs in them. Pure: JSON in, values out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

JSON = Mapping[str, Any]
Outcome = dict[str, Any]
OBSERVED = Path(__file__).parents[1] / "data" / "observed"
CLIENTS = ("unknown", "pylb-test")  # managers of what a test wrote
ADVICE = "<advice>"  # stands for what pylb adds to a message, after a semicolon: what would help
TIMES = "times"
NODE, NAME, NAMESPACE = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"


def case(name: str) -> dict[str, Any]:
    """What was observed in a case."""
    found: dict[str, Any] = json.loads((OBSERVED / f"{name}.json").read_text())
    return found


def cases() -> list[str]:
    """The names of all that were observed."""
    return sorted(path.stem for path in OBSERVED.glob("*.json"))


def comparable(told: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of what was recorded: some cases leave out ConfigurationStates, and who wrote pools."""
    kept = {kind: items for kind, items in told.items() if kind in recorded}
    if not any("managedFields" in item["metadata"] for item in recorded["ipAddressPools"]):
        kept["ipAddressPools"] = [_anonymous(item) for item in kept["ipAddressPools"]]
    return kept


def _anonymous(item: JSON) -> JSON:
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "managedFields"}}


def outcome(told: Mapping[str, Any], pod: Callable[[str], str]) -> Outcome:
    """What lists of objects say; `pod` tells what runs in a pod, by its name: `controller` or `speaker on NODE`."""
    found: Outcome = {}
    for item in told["services"]:
        found.update(_service(item))
    found.update(_events(told["events"]))
    for item in told["ipAddressPools"]:
        found.update(_pool(item))
    for item in told["serviceL2Statuses"]:
        labels = item["metadata"]["labels"]
        path = f"l2/{labels.get(NAMESPACE)}/{labels.get(NAME)} on {labels.get(NODE)}"
        found.update(_status_object(path, item, pod))
    for item in told.get("configurationStates", ()):
        found.update(_status_object(f"configuration/{item['metadata']['name']}", item, pod))
    if "watchSequence" in told:
        found["watch"] = told["watchSequence"]
    return found


def old_pod(name: str) -> str:
    """What ran in a pod when MetalLB was observed."""
    part, _, where = name.partition("-")
    return f"{part} on {where}" if part == "speaker" else part


def _service(item: JSON) -> Iterator[tuple[str, Any]]:
    meta = item["metadata"]
    path = f"service/{meta['namespace']}/{meta['name']}"
    yield f"{path}/status", item["status"]
    for part in ("annotations", "labels", "finalizers"):
        if meta.get(part):
            yield f"{path}/{part}", meta[part]
    for entry in meta.get("managedFields") or ():
        if entry["manager"] not in CLIENTS:
            yield f"{path}/written by {_manager(entry)}", True


def _manager(entry: JSON) -> str:
    return f"{entry['manager']}: {entry['operation']} of {entry.get('subresource') or 'object'}"


def _events(items: Iterable[JSON]) -> Iterator[tuple[str, Any]]:
    """Each thing that is told, and how often."""
    told: dict[str, dict[str, Any]] = {}
    for item in items:
        about = {key: value for key, value in item["involvedObject"].items() if key not in ("uid", "resourceVersion")}
        message = re.sub("; .+", f"; {ADVICE}", item["message"], flags=re.DOTALL)
        path = f"event/{about['kind']}/{about['name']}/{item['reason']}: {message}"
        parts = ("type", "source", "reportingComponent", "reportingInstance")
        times = told.get(path, {}).get(TIMES, 0) + item.get("count", 1)
        told[path] = {"about": about, **{part: item.get(part) for part in parts}, TIMES: times}
    yield from told.items()


def _pool(item: JSON) -> Iterator[tuple[str, Any]]:
    path = f"pool/{item['metadata']['name']}"
    yield f"{path}/namespace", item["metadata"]["namespace"]
    yield f"{path}/spec", item["spec"]
    if item.get("status"):
        yield f"{path}/status", item["status"]
    for entry in item["metadata"].get("managedFields") or ():
        if entry["manager"] not in CLIENTS:
            yield f"{path}/written by {_manager(entry)}", True


def _status_object(path: str, item: JSON, pod: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    meta = item["metadata"]
    yield f"{path}/namespace", meta["namespace"]
    yield f"{path}/name", "generated" if "generateName" in meta else "fixed"
    yield f"{path}/labels", meta.get("labels")
    yield f"{path}/owners", [_owner(owner, pod) for owner in meta.get("ownerReferences") or ()]
    yield f"{path}/spec", item.get("spec")
    yield f"{path}/status", _timeless(item.get("status") or {})


def _owner(reference: JSON, pod: Callable[[str], str]) -> JSON:
    """What an object goes with; pods by what runs in them."""
    named = {"name": pod(reference["name"])} if reference["kind"] == "Pod" else {}
    return {key: value for key, value in {**reference, **named}.items() if key != "uid"}


def _timeless(status: JSON) -> dict[str, Any]:
    timed = ("lastTransitionTime",)
    conditions = [{k: v for k, v in one.items() if k not in timed} for one in status.get("conditions") or ()]
    return {**status, **({"conditions": conditions} if conditions else {})}


def differences(expected: Outcome, seen: Outcome) -> list[str]:
    """Each entry in which they differ, in words. An Event may be told less often than expected, not more often."""
    return [
        f"{path}: expected {_shown(expected, path)}, seen {_shown(seen, path)}"
        for path in sorted({*expected, *seen})
        if path not in expected or path not in seen or not _agree(expected[path], seen[path])
    ]


def _agree(expected: Any, seen: Any) -> bool:
    if not (isinstance(expected, dict) and TIMES in expected):
        return bool(expected == seen)
    return {**expected, TIMES: 0} == {**seen, TIMES: 0} and seen[TIMES] <= expected[TIMES]


def _shown(found: Outcome, path: str) -> str:
    return json.dumps(found[path], sort_keys=True) if path in found else "nothing"
