"""Tables: the cells that `kubectl get` prints."""

from __future__ import annotations

from typing import Any

from conformance.place import TABLE, Api, config, deployment, service
from conformance.pools import defined, pool


async def table(api: Api, path: str, query: str = "") -> Any:
    """The Table of a path."""
    found = (await api.rest.get(path + query, accept=TABLE)).json
    assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    return found


async def heads(api: Api, path: str) -> list[str]:
    """The columns of a resource; those of `-o wide` in brackets."""
    columns = (await table(api, path, "?limit=1"))["columnDefinitions"]
    return [f"[{c['name']}]" if c["priority"] else c["name"] for c in columns]


async def test_form_of_a_table(api: Api) -> None:
    """A Table has typed columns, and rows of cells with the object's metadata (`includeObject` gives none or all of it)."""
    await api.made(api.services, service())
    found = await table(api, api.services)
    assert found["metadata"]["resourceVersion"].isdigit()
    name = found["columnDefinitions"][0]
    assert (name["name"], name["type"], name["format"], name["priority"]) == ("Name", "string", "name", 0)
    (row,) = found["rows"]
    assert (row["object"]["kind"], row["object"]["metadata"]["name"]) == ("PartialObjectMetadata", "web")
    assert "spec" not in row["object"]
    (row,) = (await table(api, api.services, "?includeObject=Object"))["rows"]
    assert row["object"]["spec"]["type"] == "LoadBalancer"
    (row,) = (await table(api, api.services, "?includeObject=None"))["rows"]
    assert row.get("object") is None


async def test_table_of_one_object(api: Api) -> None:
    """One object can be read as a Table, too."""
    await api.made(api.configs, config())
    (row,) = (await table(api, f"{api.configs}/a"))["rows"]
    assert row["cells"][:2] == ["a", 1]


async def test_table_of_services(api: Api) -> None:
    """A Service shows type, cluster address, external address (or `<pending>`, `<none>`), ports, age and selector."""
    wide = ["[Selector]"]
    assert await heads(api, api.services) == ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", *wide]
    made = await api.made(api.services, service("a", selector={"x": "y", "a": "b"}))
    number = made["spec"]["ports"][0]["nodePort"]
    bound = [{"port": 53, "protocol": "UDP", "name": "a"}, {"port": 54, "name": "b"}]
    await api.made(api.services, service("b", type="ClusterIP", ports=bound))
    await api.made(api.services, service("c", type="ClusterIP", clusterIP="None"))
    await api.made(api.services, service("d", type="ExternalName", externalName="example.com"))
    rows = [row["cells"] for row in (await table(api, api.services))["rows"]]
    address = made["spec"]["clusterIP"]
    assert rows[0][:5] == ["a", "LoadBalancer", address, "<pending>", f"80:{number}/TCP"]
    assert (rows[0][5][-1], rows[0][6]) == ("s", "a=b,x=y")
    assert (rows[1][3:5], rows[1][6]) == (["<none>", "53/UDP,54/TCP"], "<none>")
    assert rows[2][2] == "None"
    assert rows[3][2:4] == ["<none>", "example.com"]
    lent = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "a.example"}]}}}
    await api.rest.patch(f"{api.services}/a/status", lent)
    (row,) = (await table(api, f"{api.services}/a"))["rows"]
    assert row["cells"][3] == "192.0.2.1,a.example"


async def test_columns_of_workloads(api: Api) -> None:
    """Pods, Nodes, Deployments and EndpointSlices show the columns of a real cluster."""
    pods, nodes = api.own("pods"), "/api/v1/nodes"
    workloads, slices = api.own("deployments", group="apps"), api.own("endpointslices", group="discovery.k8s.io")
    assert (await heads(api, pods))[:7] == ["Name", "Ready", "Status", "Restarts", "Age", "[IP]", "[Node]"]
    assert (await heads(api, nodes))[:6] == ["Name", "Status", "Roles", "Age", "Version", "[Internal-IP]"]
    assert (await heads(api, workloads))[:5] == ["Name", "Ready", "Up-to-date", "Available", "Age"]
    assert (await heads(api, slices))[:5] == ["Name", "AddressType", "Ports", "Endpoints", "Age"]


async def test_wide_columns_of_workloads(api: Api) -> None:
    """`-o wide` shows containers and images of Deployments, and external address and system of Nodes."""
    told = [await heads(api, path) for path in (api.own("deployments", group="apps"), "/api/v1/nodes")]
    full = ["[Containers]", "[Images]", "[Selector]"], ["[Internal-IP]", "[External-IP]", "[OS-Image]"]
    found = [head[5:8] for head in told]
    assert found == api.either(real=[*full], embedded=[["[Selector]"], ["[Internal-IP]"]])


async def test_columns_of_small_kinds(api: Api) -> None:
    """Namespaces, ConfigMaps, Secrets, Leases, Events and definitions show the columns of a real cluster."""
    leases = api.own("leases", group="coordination.k8s.io")
    assert await heads(api, "/api/v1/namespaces") == ["Name", "Status", "Age"]
    assert await heads(api, api.configs) == ["Name", "Data", "Age"]
    assert await heads(api, api.own("secrets")) == ["Name", "Type", "Data", "Age"]
    assert await heads(api, leases) == ["Name", "Holder", "Age"]
    assert (await heads(api, api.own("events")))[:5] == ["Last Seen", "Type", "Reason", "Object", "[Subobject]"]
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await defined(api)
    assert await heads(api, definitions) == ["Name", "Created At"]


async def test_table_of_deployments(api: Api) -> None:
    """A Deployment shows ready of wanted pods, those of its newest template and those available."""
    path = api.own("deployments", group="apps")
    await api.made(path, deployment(replicas=0))
    (row,) = (await table(api, path))["rows"]
    assert row["cells"][:4] == ["web", "0/0", 0, 0]


async def test_table_of_custom_resources(api: Api) -> None:
    """Printer columns show what their path names: arrays as JSON text, dates as ages, nothing as null."""
    path = await defined(api)
    await api.made(path, pool(api, weight=3))
    assert await heads(api, path) == ["Name", "Addresses", "Mode", "[Weight]", "Age"]
    (row,) = (await table(api, path))["rows"]
    assert row["cells"][:4] == ["p", '["192.0.2.0/24"]', None, 3]
    assert row["cells"][4].endswith("s")


async def test_columns_of_custom_resources_without_any(api: Api) -> None:
    """A version without printer columns shows name and age."""
    path = (await defined(api)).replace("/v1/", "/v1beta1/")
    assert await heads(api, path) == ["Name", "Age"]
