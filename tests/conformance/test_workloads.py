"""What controllers make: pods of Deployments, EndpointSlices of Services, the API's own Service."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import EMBEDDED, JSON, Api, deployment, fields, service

pytestmark = pytest.mark.timeout(180)
READY_S = 90.0


async def ready(api: Api, count: int, name: str = "web") -> JSON:
    """A Deployment, once so many of its pods are available."""
    path = f"{api.own('deployments', group='apps')}/{name}"
    answer = await api.until(
        lambda: api.rest.get(path),
        lambda found: found.json.get("status", {}).get("availableReplicas", 0) == count,
        READY_S,
    )
    found: JSON = answer.json
    return found


async def deployed(api: Api, replicas: int = 1) -> JSON:
    """A Deployment whose pods run; the embedded server needs a node for it."""
    if api.name == EMBEDDED:
        await api.wide("/api/v1/nodes", {"metadata": {"name": "n1"}})
    await api.made(api.own("deployments", group="apps"), deployment(replicas=replicas))
    return await ready(api, replicas)


async def endpoints(api: Api, family: str = "IPv4") -> list[JSON]:
    """The slices of Service `web`."""
    path = api.own("endpointslices", group="discovery.k8s.io")
    found = (await api.rest.get(f"{path}?labelSelector=kubernetes.io/service-name%3Dweb")).json["items"]
    return [one for one in found if one["addressType"] == family]


async def test_deployments(api: Api) -> None:
    """A Deployment becomes running pods with its labels and a template hash, on a node, and says Available."""
    found = await deployed(api)
    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert (conditions["Available"], found["status"]["observedGeneration"]) == ("True", 1)
    (pod,) = (await api.rest.get(f"{api.own('pods')}?labelSelector=app%3Dweb")).json["items"]
    hashed = pod["metadata"]["labels"]["pod-template-hash"]
    assert pod["metadata"]["name"].startswith(f"web-{hashed}-")
    assert (pod["status"]["phase"], bool(pod["spec"]["nodeName"]), bool(pod["status"]["podIP"])) == (
        "Running",
        True,
        True,
    )
    assert {c["type"]: c["status"] for c in pod["status"]["conditions"]}["Ready"] == "True"


async def test_replica_sets(api: Api) -> None:
    """Between a Deployment and its pods stands a ReplicaSet."""
    await deployed(api)
    answer = await api.rest.get(api.own("replicasets", group="apps"))
    assert answer.status == api.either(real=200, embedded=501)
    if answer.status == 200:
        (found,) = answer.json["items"]
        assert found["metadata"]["ownerReferences"][0]["name"] == "web"


async def test_endpoint_slices(api: Api) -> None:
    """A Service with a selector gets slices that name address, node, pod and the resolved port, and say that the pod is ready."""
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    await api.made(api.services, service(selector={"app": "web"}, ports=ports))
    await deployed(api)
    (found,) = await api.until(
        lambda: endpoints(api), lambda s: s and s[0]["endpoints"] and s[0]["endpoints"][0]["conditions"]["ready"]
    )
    assert found["ports"] == [{"name": "web", "protocol": "TCP", "port": 8080}]
    labels = found["metadata"]["labels"]
    assert labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Service", "web", True)
    (pod,) = (await api.rest.get(f"{api.own('pods')}?labelSelector=app%3Dweb")).json["items"]
    (endpoint,) = found["endpoints"]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert endpoint["addresses"] == [pod["status"]["podIP"]]
    assert endpoint["nodeName"] == pod["spec"]["nodeName"]
    assert (endpoint["targetRef"]["kind"], endpoint["targetRef"]["uid"]) == ("Pod", pod["metadata"]["uid"])


async def test_slices_follow_the_service(api: Api) -> None:
    """A selector that matches nothing leaves an empty slice, and slices go with their Service."""
    await api.made(api.services, service(selector={"app": "none"}))
    (empty,) = await api.until(lambda: endpoints(api))
    assert not empty["endpoints"]
    await api.rest.delete(f"{api.services}/web")
    await api.until(lambda: endpoints(api), lambda found: not found)


async def test_slices_of_dual_stack(api: Api) -> None:
    """A Service of both families has a slice for each."""
    await api.made(api.services, service(selector={"app": "none"}, ipFamilyPolicy="PreferDualStack"))
    for family in ("IPv4", "IPv6"):
        assert len(await api.until(lambda family=family: endpoints(api, family))) == 1  # type: ignore[misc]  # a default of a lambda


async def test_services_without_a_selector(api: Api) -> None:
    """Slices of a Service without a selector are whoever's makes them."""
    await api.made(api.services, service())
    body = {
        "metadata": {"name": "own", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": True}}],
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    }
    made = await api.made(api.own("endpointslices", group="discovery.k8s.io"), body)
    assert made["endpoints"][0]["addresses"] == ["192.0.2.7"]
    assert made["metadata"]["generation"] == 1


async def test_endpoints_objects(api: Api) -> None:
    """A Service with a selector gets an Endpoints object, too."""
    await api.made(api.services, service(selector={"app": "none"}))
    await api.until(lambda: endpoints(api))
    limit = api.either(real=30.0, embedded=0.2)
    path = api.own("endpoints", "web")
    try:
        await api.until(lambda: api.rest.get(path), lambda answer: answer.status == 200, limit)
        found = True
    except AssertionError:
        found = False
    assert found is api.either(real=True, embedded=False)


async def test_scale(api: Api) -> None:
    """The scale of a Deployment is read and written by itself, and counts as a change of its spec."""
    path = api.own("deployments", group="apps")
    await api.made(path, deployment(replicas=0))
    scale = (await api.rest.get(f"{path}/web/scale")).json
    told: Any = (scale["kind"], scale["apiVersion"], scale["spec"], scale["status"]["selector"])
    assert told == ("Scale", "autoscaling/v1", {}, "app=web")
    wanted = {"spec": {"replicas": 2}}
    assert (await api.rest.patch(f"{path}/web/scale", wanted)).json["spec"] == {"replicas": 2}
    assert (await api.rest.put(f"{path}/web/scale", {**scale, "spec": {"replicas": 3}})).status == 409
    assert fields(await api.rest.patch(f"{path}/web/scale", {"spec": {"replicas": -1}})) == ["spec.replicas"]
    assert (await api.rest.get(f"{path}/web")).json["metadata"]["generation"] == 2


async def test_service_of_the_api(api: Api) -> None:
    """The API itself is the Service `kubernetes` in `default`, at the first address of the service network."""
    found = (await api.rest.get("/api/v1/namespaces/default/services/kubernetes")).json
    assert found["spec"]["clusterIP"] == "10.96.0.1"
    assert found["spec"]["ports"][0]["port"] == 443


async def test_node_leases(api: Api) -> None:
    """The Lease of a node names it as its holder."""
    if api.name == EMBEDDED:
        body = {"metadata": {"name": "n1"}, "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 40}}
        await api.made("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", body)
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    found = (await api.until(lambda: api.rest.get(path), lambda answer: answer.json["items"])).json["items"]
    assert all(lease["spec"]["holderIdentity"] == lease["metadata"]["name"] for lease in found)
    assert {lease["spec"]["leaseDurationSeconds"] for lease in found} == {40}
