"""What the server tells of itself: version, groups, resources, and OpenAPI v3 as far as `kubectl apply` asks.

Values out of the registry; no request, no store.
"""

from __future__ import annotations

from pylb.embedded.errors import JSON, no_such_path
from pylb.embedded.resources import Registry, Resource

VERSION = "v1.36.0+pylb-embedded"  # the API whose behaviour is followed
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def version() -> JSON:
    """/version."""
    return {
        "major": "1",
        "minor": "36",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "linux/any",
    }


def document(registry: Registry, path: str) -> JSON | None:
    """The discovery document of a path; None if the path is no such document."""
    parts = path.strip("/").split("/")
    if parts == ["version"]:
        return version()
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if parts == ["apis"]:
        groups = [_group(registry, name) for name in registry.groups()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts[0] == "openapi":
        return _openapi(registry, parts[1:])
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in registry.groups():
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(registry, parts[1])}
    if (parts[0] == "api" and len(parts) == 2) or (parts[0] == "apis" and len(parts) == 3):
        return _resources(registry, "" if parts[0] == "api" else parts[1], parts[-1])
    return None


def _group(registry: Registry, name: str) -> JSON:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in registry.versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _of(registry: Registry, group: str, version: str) -> list[Resource]:
    return [r for r in registry if (r.group, r.version) == (group, version)]


def _resources(registry: Registry, group: str, version: str) -> JSON:
    found = _of(registry, group, version)
    if not found:
        raise no_such_path()
    rows = [row for resource in found for row in _rows(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": rows,
    }


def _rows(resource: Resource) -> list[JSON]:
    base = {"namespaced": resource.namespaced, "kind": resource.kind, "singularName": ""}
    first: JSON = {
        **base,
        "name": resource.plural,
        "singularName": resource.singular or resource.kind.lower(),
        "shortNames": list(resource.short),
        "verbs": _VERBS,
    }
    if resource.all:
        first["categories"] = ["all"]
    rows = [first]  # rows of subresources have no short names: kubectl would find those ambiguous
    if resource.status:
        rows.append({**base, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]})
    if resource.scale:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        rows.append({**base, **scale, "name": f"{resource.plural}/scale", "verbs": ["get", "patch", "update"]})
    if resource.plural == "pods":
        rows.append({**base, "name": "pods/proxy", "kind": "PodProxyOptions", "verbs": ["get", "create"]})
    return rows


def _openapi(registry: Registry, rest: list[str]) -> JSON:
    if rest == ["v3"]:
        paths = dict.fromkeys(r.path for r in registry)
        return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}
    found = [r for r in registry if rest[:1] == ["v3"] and r.path == "/".join(rest[1:])]
    if not found:
        raise no_such_path()
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION},
        "paths": {_item_path(r): {"get": _operation(r, "get"), "patch": _operation(r, "patch")} for r in found},
        "components": {"schemas": {_schema_name(r): _schema(r) for r in found}},
    }


def _item_path(resource: Resource) -> str:
    where = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{resource.path}{where}/{resource.plural}/{{name}}"


def _kind(resource: Resource) -> JSON:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


_PATCH_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def _operation(resource: Resource, action: str) -> JSON:
    """An operation with the parameters by which kubectl learns that the server validates and can run dry."""
    names = _PATCH_PARAMETERS if action == "patch" else ()
    parameters = [{"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for n in names]
    reference = {"$ref": f"#/components/schemas/{_schema_name(resource)}"}
    answer = {"description": "OK", "content": {"application/json": {"schema": reference}}}
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(resource),
        "parameters": parameters,
        "responses": {"200": answer},
    }


def _schema_name(resource: Resource) -> str:
    return f"{resource.group or 'core'}.{resource.version}.{resource.kind}"


def _schema(resource: Resource) -> JSON:
    plain: JSON = {"type": "object", "description": f"{resource.kind}; its fields are not described here."}
    return {**(resource.schema or plain), "x-kubernetes-group-version-kind": [_kind(resource)]}
