"""kubectl, as people type it."""

from __future__ import annotations

import asyncio
import re

import pytest

from conformance.kubectl import LIMIT_S, Kubectl
from conformance.place import EMBEDDED, IMAGE, Api, service
from conformance.pools import defined, short

pytestmark = pytest.mark.timeout(240)


async def node(api: Api) -> None:
    """The embedded server needs a node to run pods."""
    if api.name == EMBEDDED:
        await api.wide("/api/v1/nodes", {"metadata": {"name": "n1"}})


async def test_get_and_wide(api: Api, kubectl: Kubectl) -> None:
    """`kubectl get` prints a Service's columns, with `-o wide` its selector, and by `-o jsonpath` its fields."""
    made = await api.made(api.services, service(selector={"a": "b"}))
    (row,) = await kubectl.table("get svc -o wide")
    assert row.pop("AGE").endswith("s")
    assert row == {
        "NAME": "web",
        "TYPE": "LoadBalancer",
        "CLUSTER-IP": made["spec"]["clusterIP"],
        "EXTERNAL-IP": "<pending>",
        "PORT(S)": f"80:{made['spec']['ports'][0]['nodePort']}/TCP",
        "SELECTOR": "a=b",
    }
    assert "SELECTOR" not in await kubectl("get svc")
    assert await kubectl("get svc web -o jsonpath={.spec.type}") == "LoadBalancer"
    assert await kubectl("get svc web -o name") == "service/web\n"
    assert "No resources found" in await kubectl("get svc -l app=other")
    assert 'services "none" not found' in await kubectl("get svc none", code=1)
    assert "the server doesn't have a resource type" in await kubectl("get nonsense", code=1)


async def test_create_and_expose(api: Api, kubectl: Kubectl) -> None:
    """`create deployment`, `expose`, `rollout status`, `wait` and `scale` work up to ready pods."""
    await node(api)
    assert await kubectl(f"create deployment web --image={IMAGE} --port=8080") == "deployment.apps/web created\n"
    exposed = await kubectl("expose deployment web --type=LoadBalancer --port=80 --target-port=8080")
    assert exposed == "service/web exposed\n"
    assert "successfully rolled out" in await kubectl("rollout status deployment/web --timeout=90s")
    assert "condition met" in await kubectl("wait --for=condition=Available deployment/web --timeout=90s")
    await kubectl("scale deployment web --replicas=2")
    await kubectl("rollout status deployment/web --timeout=90s")
    (row,) = await kubectl.table("get deployment web")
    assert (row["READY"], row["UP-TO-DATE"], row["AVAILABLE"]) == ("2/2", "2", "2")
    pods = await api.until(lambda: kubectl.table("get pods -o wide"), lambda found: len(found) == 2)  # old ones go
    told = [(pod["READY"], pod["STATUS"], pod["RESTARTS"], bool(pod["IP"])) for pod in pods]
    assert told == [("1/1", "Running", "0", True)] * 2


async def test_apply_and_delete(api: Api, kubectl: Kubectl) -> None:
    """`apply` creates, says unchanged, configures; `diff` shows what would change; `delete -f` takes it away."""
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n"
    assert await kubectl("apply -f -", text) == "service/web created\n"
    assert await kubectl("apply -f -", text) == "service/web unchanged\n"
    local = text.replace("spec: {", "spec: {externalTrafficPolicy: Local, ")
    assert "+  externalTrafficPolicy: Local" in await kubectl("diff -f -", local, 1)
    assert await kubectl("apply -f -", local) == "service/web configured\n"
    assert await kubectl("apply -f -", text) == "service/web configured\n"
    assert await kubectl("delete -f -", text) in (
        'service "web" deleted\n',
        f'service "web" deleted from {api.namespace} namespace\n',
    )


async def test_server_side_apply(api: Api, kubectl: Kubectl) -> None:
    """`apply --server-side` works, on custom resources, too."""
    await defined(api)
    text = f"apiVersion: {api.group}/v1\nkind: Pool\nmetadata: {{name: p}}\nspec: {{addresses: [192.0.2.0/24]}}\n"
    for changed in (text, text, text.replace("192.0.2.0", "198.51.100.0")):
        assert await kubectl("apply --server-side -f -", changed) == f"pool.{api.group}/p serverside-applied\n"
    (row,) = await kubectl.table(f"get pools.{api.group}")
    assert (row["NAME"], row["ADDRESSES"], row["MODE"]) == ("p", '["198.51.100.0/24"]', "")


async def test_kubectl_of_custom_resources(api: Api, kubectl: Kubectl) -> None:
    """kubectl finds custom resources by name, short name and group, applies and explains them."""
    await defined(api)
    text = f"apiVersion: {api.group}/v1\nkind: Pool\nmetadata: {{name: p}}\nspec: {{addresses: [192.0.2.0/24]}}\n"
    assert "created" in await kubectl("apply -f -", text)
    assert "unchanged" in await kubectl("apply -f -", text)
    for name in (short(api.group), f"pool.{api.group}", f"pools.{api.group}"):
        assert await kubectl(f"get {name} p -o name") == f"pool.{api.group}/p\n"
    refused = await kubectl("apply -f -", text.replace("addresses:", "colour: red, addresses:"), 1)
    assert 'unknown field "spec.colour"' in refused
    explained = await kubectl(f"explain {short(api.group)}")
    assert re.search(r"KIND:\s+Pool", explained)
    assert re.search(r"VERSION:\s+v1\b", explained)
    assert "spec" in explained


async def test_explain(api: Api, kubectl: Kubectl) -> None:
    """`explain` knows every kind, and each field of the built-in ones."""
    assert re.search(r"KIND:\s+Service", await kubectl("explain service"))
    code = api.either(real=0, embedded=1)
    assert ("externalTrafficPolicy" in await kubectl("explain service.spec", code=code)) is (code == 0)


async def test_api_resources(api: Api, kubectl: Kubectl) -> None:
    """`api-resources` lists names, short names, versions and kinds."""
    rows = {row["NAME"]: row for row in await kubectl.table("api-resources")}
    assert rows["services"] == {
        "NAME": "services",
        "SHORTNAMES": "svc",
        "APIVERSION": "v1",
        "NAMESPACED": "true",
        "KIND": "Service",
    }
    assert (rows["deployments"]["APIVERSION"], rows["nodes"]["NAMESPACED"]) == ("apps/v1", "false")


async def test_describe(api: Api, kubectl: Kubectl) -> None:
    """`describe service` shows ports, addresses and the Service's events."""
    made = await api.made(api.services, service())
    lent = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    await api.rest.patch(f"{api.services}/web/status", lent)
    about = {"kind": "Service", "namespace": api.namespace, "name": "web", "uid": made["metadata"]["uid"]}
    body = {"metadata": {"generateName": "web."}, "involvedObject": about, "reason": "IPAllocated", "type": "Normal"}
    await api.made(api.own("events"), {**body, "message": "Assigned it", "source": {"component": "a-controller"}})
    told = await kubectl("describe service web")
    assert re.search(r"LoadBalancer Ingress:\s+192\.0\.2\.1 \(VIP\)", told)
    assert re.search(r"IPAllocated .* a-controller +Assigned it", told)


async def test_watching_get(api: Api, kubectl: Kubectl) -> None:
    """`get -w` prints each change as it comes."""
    await kubectl("create configmap a")  # before: kubectl says nothing when it begins to watch
    process = await kubectl.start(
        "get", "configmaps", "-w", "--output-watch-events", "--field-selector=metadata.name=a"
    )
    assert process.stdout is not None
    lines: list[list[str]] = []
    try:
        while not any(line[0] == "DELETED" for line in lines):
            text = (await asyncio.wait_for(process.stdout.readline(), LIMIT_S)).decode()
            lines.append(text.split())
            if lines[-1][0] == "ADDED":
                await kubectl("delete configmap a")
    finally:
        process.terminate()
        await process.communicate()
    assert [line[:2] for line in lines if line[0] != "EVENT"] == [["ADDED", "a"], ["DELETED", "a"]]


async def test_replace(api: Api, kubectl: Kubectl) -> None:
    """`replace` of what was read replaces; of an older reading it is a Conflict."""
    await api.made(api.services, service())
    text = await kubectl("get svc web -o yaml")
    assert "replaced" in await kubectl("replace -f -", text.replace("Policy: Cluster", "Policy: Local"))
    assert "Conflict" in await kubectl("replace -f -", text.replace("port: 80", "port: 81"), 1)


async def test_auth(api: Api, kubectl: Kubectl) -> None:
    """`auth can-i` says yes to who may do everything."""
    assert await kubectl("auth can-i create services") == "yes\n"


async def test_unknown_kinds_in_files(api: Api, kubectl: Kubectl) -> None:
    """`apply` of a kind that is not defined says that its definition is to be installed first."""
    text = "apiVersion: no.example.io/v1\nkind: Thing\nmetadata: {name: t}\n"
    assert "ensure CRDs are installed first" in await kubectl("apply -f -", text, 1)
