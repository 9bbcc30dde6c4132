"""Paths, methods and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import EMBEDDED, IMAGE, Api, refusal, service
from conformance.pools import defined, short

UNKNOWN = "the server could not find the requested resource"


async def test_missing_object(api: Api) -> None:
    """An object that is not there is a 404 whose Status names it."""
    answer = await api.rest.get(f"{api.services}/none")
    assert refusal(answer) == (404, "NotFound")
    assert answer.json["message"] == 'services "none" not found'
    assert answer.json["details"] == {"name": "none", "kind": "services"}


async def test_unknown_group(api: Api) -> None:
    """A group that is not served, or a path outside of all, is a 404 in plain text: `404 page not found`."""
    for path in ("/apis/no.example.io/v1/things", "/apis/no.example.io", "/apis/no.example.io/v1", "/nonsense"):
        answer = await api.rest.get(path)
        assert (answer.status, answer.body) == (404, b"404 page not found\n"), path
        assert answer.headers["content-type"].startswith("text/plain")


async def test_unknown_resource_of_a_built_in_group(api: Api) -> None:
    """A resource, version or subresource that a built-in group lacks is a 404 with a Status that names nothing."""
    unknown = ["/api/v1/things", "/api/v2/pods", "/apis/apps/v9/deployments", "/api/v1/services/web"]
    for path in (*unknown, f"{api.services}/a/b", f"{api.configs}/a/status", "/api/v1/namespaces/x/nodes"):
        answer = await api.rest.get(path)
        assert (refusal(answer), answer.json["message"]) == ((404, "NotFound"), UNKNOWN), path


async def test_unknown_resource_of_a_custom_group(api: Api) -> None:
    """A resource or version that a group of CustomResourceDefinitions lacks is a 404 in plain text."""
    path = await defined(api)
    for unknown in (path.replace("pools", "things"), path.replace("/v1/", "/v9/")):
        answer = await api.rest.get(unknown)
        assert (answer.status, answer.body) == (404, b"404 page not found\n"), unknown


async def test_methods(api: Api) -> None:
    """A method that a resource does not have is a 405; HEAD has no body, and nothing may be deleted of all namespaces."""
    asked = [("PUT", api.services), ("PATCH", api.services), ("POST", f"{api.services}/web"), ("OPTIONS", api.services)]
    for method, path in (*asked, ("POST", "/api/v1/services"), ("DELETE", "/api/v1/services")):
        answer = await api.rest.ask(method, path, service())
        assert refusal(answer) == (405, "MethodNotAllowed"), (method, path)
        assert answer.json["message"] == "the server does not allow this method on the requested resource"
    head = await api.rest.ask("HEAD", api.services)
    assert (head.status, head.body) == (405, b"")


async def test_wrong_token(api: Api) -> None:
    """A token that nobody has is a 401 on every path, health and version included."""
    for path in (api.services, "/apis", "/version", "/readyz"):
        assert refusal(await api.rest.get(path, authorization="Bearer wrong")) == (401, "Unauthorized"), path


async def test_no_token(api: Api) -> None:
    """Who shows no token is `system:anonymous`, may read health and version, and is refused the rest with a 403."""
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert (await api.rest.get(path, authorization="")).status == 200
    for method, path, verb in (("GET", api.services, "list"), ("POST", api.services, "create")):
        answer = await api.rest.ask(method, path, service(), authorization="")
        assert refusal(answer) == (403, "Forbidden")
        what = f'User "system:anonymous" cannot {verb} resource "services" in API group "" in the namespace'
        assert answer.json["message"] == f'services is forbidden: {what} "{api.namespace}"'
    assert refusal(await api.rest.get("/apis", authorization="")) == (403, "Forbidden")


async def test_health(api: Api) -> None:
    """A healthy server says `ok`."""
    for path in ("/healthz", "/livez", "/readyz"):
        answer = await api.rest.get(path)
        assert (answer.status, answer.body) == (200, b"ok")


async def test_discovery(api: Api) -> None:
    """Groups, versions (the preferred one first), resources and their short names can be discovered."""
    assert (await api.rest.get("/version")).json["major"] == "1"
    assert (await api.rest.get("/api")).json["versions"] == ["v1"]
    core = (await api.rest.get("/api/v1")).json
    rows = {row["name"]: row for row in core["resources"]}
    assert (core["groupVersion"], rows["services"]["shortNames"], rows["services"]["kind"]) == (
        "v1",
        ["svc"],
        "Service",
    )
    assert (rows["services"]["namespaced"], rows["nodes"]["namespaced"]) == (True, False)
    assert rows["services"]["singularName"] == "service"
    assert {"services/status", "pods/proxy"} <= rows.keys()
    assert not rows["services/status"].get("shortNames")
    assert "apps" in [group["name"] for group in (await api.rest.get("/apis")).json["groups"]]
    assert (await api.rest.get("/apis/apps")).json["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}


async def test_discovery_of_custom_resources(api: Api) -> None:
    """A definition's group is discovered with its versions in order, its short names and its status subresource."""
    await defined(api)
    group = await api.until(lambda: api.rest.get(f"/apis/{api.group}"), lambda answer: answer.status == 200)
    assert [v["version"] for v in group.json["versions"]] == ["v1", "v1beta1"]
    rows = {row["name"]: row for row in (await api.rest.get(f"/apis/{api.group}/v1")).json["resources"]}
    assert rows.keys() == {"pools", "pools/status"}
    assert (rows["pools"]["shortNames"], rows["pools"]["singularName"]) == ([short(api.group)], "pool")


async def test_openapi_of_a_patch(api: Api) -> None:
    """OpenAPI v3 says of each resource's PATCH which kind it takes, and that it can run dry and validate fields."""
    index = (await api.rest.get("/openapi/v3")).json["paths"]
    document = (await api.rest.get(index["api/v1"]["serverRelativeURL"])).json
    patch = document["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Service"}
    assert {p["name"] for p in patch["parameters"]} >= {"dryRun", "fieldValidation"}


async def test_openapi_of_built_in_kinds(api: Api) -> None:
    """The schemas of built-in kinds describe their fields."""
    index = (await api.rest.get("/openapi/v3")).json["paths"]
    schemas = (await api.rest.get(index["api/v1"]["serverRelativeURL"])).json["components"]["schemas"]
    found = next(value for name, value in schemas.items() if name.endswith(".v1.Service"))
    assert ("spec" in found.get("properties", {})) is api.either(real=True, embedded=False)


async def test_openapi_of_custom_resources(api: Api) -> None:
    """The schema of a custom resource stands in OpenAPI v3."""
    await defined(api)
    path = f"/openapi/v3/apis/{api.group}/v1"

    async def kinds() -> dict[str, Any]:
        answer = await api.rest.get(path)
        schemas = answer.json["components"]["schemas"] if answer.status == 200 else {}
        return {name.rpartition(".")[2]: value for name, value in schemas.items()}

    found = await api.until(kinds, lambda now: "Pool" in now)
    assert "addresses" in found["Pool"]["properties"]["spec"]["properties"]


async def test_access_review(api: Api) -> None:
    """A SelfSubjectAccessReview of who may do everything says yes."""
    attributes = {"verb": "create", "resource": "services", "namespace": api.namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await api.rest.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    assert (answer.status, answer.json["status"]["allowed"]) == (201, True)


@pytest.mark.parametrize(
    "path", ["/apis/batch/v1/jobs", "/apis/networking.k8s.io/v1/ingresses", "/api/v1/resourcequotas"]
)
async def test_kinds_that_are_lacking(api: Api, path: str) -> None:
    """Kinds that pylb never asks for are served, too: Jobs, Ingresses, ResourceQuotas."""
    answer = await api.rest.get(path)
    assert answer.status == api.either(real=200, embedded=501)
    if answer.status == 501:
        assert refusal(answer) == (501, "NotImplemented")
        assert "make cluster" in answer.json["message"], "a hint"


async def test_pod_subresources_that_are_lacking(api: Api) -> None:
    """A pod's log can be read as soon as there is a pod."""
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}}
    pod["spec"]["nodeSelector"] = {"no": "such"}  # type: ignore[index]
    pod["spec"]["automountServiceAccountToken"] = False  # type: ignore[index]
    await api.until(lambda: api.rest.post(api.own("pods"), pod), lambda answer: answer.status == 201)
    answer = await api.rest.get(f"{api.own('pods', 'p')}/log")
    assert answer.status // 100 == api.either(real=2, embedded=5)
    if api.name == EMBEDDED:
        for lacking in ("log", "exec", "attach", "portforward", "eviction", "binding"):
            refused = await api.rest.post(f"{api.own('pods', 'p')}/{lacking}", {})
            assert refusal(refused) == (501, "NotImplemented"), lacking
