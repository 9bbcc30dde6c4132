"""Pods and the datapath on real packets: a Service's address, written down by hand, answered by its pods.

No speaker runs: the client is told by a fixed neighbour entry which node has the address, as ARP would tell it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakes.cluster import is_ready
from pylb.lab.client import Lab

NUMBERS = itertools.count(100)
ASKED = 12
UDP = """
import json, socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(0.3)
link.bind(("", int(sys.argv[2])))
for number in range(int(sys.argv[3])):
    link.sendto(b"hello", (sys.argv[1], 80))
    try:
        print(json.dumps(link.recv(2048).decode()))
    except OSError as error:
        print(json.dumps(type(error).__name__))
"""


@pytest.fixture
def place(kube_lab: Lab, api_of: Callable[[Lab], Any]) -> Iterator[tuple[Any, str, str]]:
    """The API, a namespace of the test's own, and an address on the LAN that the client sends to n1."""
    api, number = api_of(kube_lab), next(NUMBERS)
    namespace, address = f"t{number}", f"10.77.0.{number}"
    api.namespace(namespace)
    send_to(kube_lab, address, "n1")
    yield api, namespace, address
    api.delete(f"/api/v1/namespaces/{namespace}")


def send_to(lab: Lab, address: str, node: str) -> None:
    command = ["ip", "neigh", "replace", address, "lladdr", lab.hosts[node]["mac"], "dev", "eth0"]
    assert lab.exec("client", command).returncode == 0


def answers(lab: Lab, host: str, address: str, times: int = ASKED) -> Counter[str]:
    """How often which answer came; an error counts under its name."""
    replies = (lab.request(host, f"http://{address}/", timeout=0.3) for _ in range(times))
    return Counter(reply.body.strip() or reply.error.partition(":")[0] for reply in replies)


def datagrams(lab: Lab, address: str, port: int, times: int) -> list[str]:
    """The answers to datagrams that all come from one port of the client."""
    done = lab.exec("client", [sys.executable, "-c", UDP, address, str(port), str(times)])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_policy_cluster_reaches_all_pods_through_any_node_and_masks_the_client(
    kube_lab: Lab, place: tuple[Any, str, str]
) -> None:
    api, namespace, address = place
    pods = {f"p{i}": api.pod(namespace, f"p{i}", f"n{i}", {"TCP": 8080}) for i in (1, 2, 3)}
    assert pods["p2"].startswith("10.244.2.")
    api.service(namespace, address)
    kube_lab.wait("an answer", lambda: kube_lab.request("client", f"http://{address}/").status == 200)
    seen = answers(kube_lab, "client", address)
    assert set(seen) == {"p1 from 10.244.1.1", "p2 from 10.77.0.21", "p3 from 10.77.0.21"}
    send_to(kube_lab, address, "n3")
    assert set(answers(kube_lab, "client", address)) == {
        "p1 from 10.77.0.23",
        "p2 from 10.77.0.23",
        "p3 from 10.244.3.1",
    }


def test_policy_local_shows_the_client_and_drops_where_there_is_no_pod(
    kube_lab: Lab, place: tuple[Any, str, str]
) -> None:
    api, namespace, address = place
    for number in (1, 2):
        api.pod(namespace, f"p{number}", f"n{number}", {"TCP": 8080})
    api.service(namespace, address, policy="Local")
    kube_lab.wait("an answer", lambda: kube_lab.request("client", f"http://{address}/").status == 200)
    assert answers(kube_lab, "client", address) == {"p1 from 10.77.0.5": ASKED}
    send_to(kube_lab, address, "n2")
    assert answers(kube_lab, "client", address) == {"p2 from 10.77.0.5": ASKED}
    send_to(kube_lab, address, "n3")
    assert answers(kube_lab, "client", address, 2) == {"TimeoutError": 2}, "dropped, not refused"


def test_a_service_without_pods_refuses(kube_lab: Lab, place: tuple[Any, str, str]) -> None:
    api, namespace, address = place
    api.service(namespace, address)
    kube_lab.wait(
        "a refusal",
        lambda: "ConnectionRefusedError" in kube_lab.request("client", f"http://{address}/", timeout=0.3).error,
    )


def test_cluster_addresses_work_from_nodes_and_pods_and_a_pod_reaches_itself(
    kube_lab: Lab, place: tuple[Any, str, str]
) -> None:
    api, namespace, address = place
    own = api.pod(namespace, "p1", "n1", {"TCP": 8080})
    api.service(namespace, address, policy="Local")
    cluster = api.get(f"/api/v1/namespaces/{namespace}/services/front")["spec"]["clusterIP"]
    kube_lab.wait("an answer", lambda: kube_lab.request("n3", f"http://{cluster}/").status == 200)
    assert answers(kube_lab, "n3", cluster, 2) == {"p1 from 10.77.0.23": 2}
    assert answers(kube_lab, "n3", address, 2) == {"p1 from 10.77.0.23": 2}, "from inside, Local reaches all pods"
    host = f"{namespace}/p1"
    assert answers(kube_lab, host, cluster, 2) == {"p1 from 10.244.1.1": 2}
    assert answers(kube_lab, host, "10.77.0.5:9", 1) == {"ConnectionRefusedError": 1}, "pods reach the LAN"
    assert own.startswith("10.244.1.")


def test_udp_is_served_and_a_flow_follows_its_pods(kube_lab: Lab, place: tuple[Any, str, str]) -> None:
    api, namespace, address = place
    api.pod(namespace, "p2", "n2", {"UDP": 8080})
    api.service(namespace, address, protocol="UDP")
    kube_lab.wait("an answer", lambda: datagrams(kube_lab, address, 4000, 1)[0].startswith("p2 from 10.77.0.21"))
    assert datagrams(kube_lab, address, 4001, 3) == ["p2 from 10.77.0.21\nhello"] * 3
    api.pod(namespace, "p3", "n3", {"UDP": 8080})
    api.delete(f"/api/v1/namespaces/{namespace}/pods/p2")
    kube_lab.wait("the pod is gone", lambda: "p2" not in api.pods(namespace))
    kube_lab.wait(
        "the same flow answered by the other pod",
        lambda: datagrams(kube_lab, address, 4001, 1)[0].startswith("p3 from 10.77.0.21"),
        seconds=3,
    )


def test_a_pod_that_declares_no_port_listens_where_its_services_want_it(
    kube_lab: Lab, place: tuple[Any, str, str]
) -> None:
    api, namespace, address = place
    api.pod(namespace, "p1", "n1")
    api.service(namespace, address)
    kube_lab.wait("an answer", lambda: kube_lab.request("client", f"http://{address}/").status == 200)


def test_a_pod_that_is_deleted_is_gone_from_the_network(kube_lab: Lab, place: tuple[Any, str, str]) -> None:
    api, namespace, _address = place
    own = api.pod(namespace, "p1", "n1", {"TCP": 8080})
    assert kube_lab.request("n2", f"http://{own}:8080/").body == "p1 from 10.77.0.22\n"
    api.delete(f"/api/v1/namespaces/{namespace}/pods/p1")
    kube_lab.wait("no pod", lambda: f"{namespace}/p1" not in kube_lab.status()["pods"])
    assert kube_lab.request("n2", f"http://{own}:8080/", timeout=0.3).status == 0


def test_a_node_without_its_management_cable_keeps_the_rules_it_has(kube_lab: Lab, place: tuple[Any, str, str]) -> None:
    api, namespace, address = place
    api.pod(namespace, "p2", "n2", {"TCP": 8080})
    api.service(namespace, address)
    kube_lab.wait("an answer", lambda: kube_lab.request("client", f"http://{address}/").status == 200)
    kube_lab.cut("n1", "management")
    try:
        api.delete(f"/api/v1/namespaces/{namespace}/services/front")
        assert answers(kube_lab, "client", address, 3) == {"p2 from 10.77.0.21": 3}
    finally:
        kube_lab.mend("n1", "management")
    kube_lab.wait("no answer", lambda: kube_lab.request("client", f"http://{address}/", timeout=0.2).status == 0)


def test_a_node_without_power_is_not_ready_and_its_pods_come_back_with_it(
    kube_lab: Lab, place: tuple[Any, str, str]
) -> None:
    api, namespace, address = place
    for number in (1, 2):
        api.pod(namespace, f"p{number}", f"n{number}", {"TCP": 8080})
    api.service(namespace, address)
    kube_lab.wait("an answer", lambda: kube_lab.request("client", f"http://{address}/").status == 200)

    def ready() -> bool:
        return is_ready(api.get("/api/v1/nodes/n2"))

    kube_lab.power("n2", False)
    try:
        kube_lab.wait("n2 not ready", lambda: not ready(), every=0.1)
        kube_lab.wait("p1 alone", lambda: set(answers(kube_lab, "client", address, 4)) == {"p1 from 10.244.1.1"})
    finally:
        kube_lab.power("n2", True)
    kube_lab.wait("n2 ready", ready, every=0.1)
    kube_lab.wait(
        "both pods",
        lambda: set(answers(kube_lab, "client", address, 4)) == {"p1 from 10.244.1.1", "p2 from 10.77.0.21"},
    )
