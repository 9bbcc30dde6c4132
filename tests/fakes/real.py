"""A real Kubernetes in the hands of a test, as `fakes.lan` is a lab: kubectl as built with it, pods by their labels."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from ipaddress import ip_network

from fakes.cluster import JSON, OURS, OWN_NAMES, OWN_NAMESPACES, PLACES, Call, Refused, until
from fakes.lan import Lan
from pylb.kube.errors import NotFound

SPACES = "/api/v1/namespaces"
COMPONENT = "app.kubernetes.io/component"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/pylb-system/leases/pylb-controller"
AT_ONCE = {"gracePeriodSeconds": 0}
EMPTY_S, GONE_S = 20.0, 60.0  # a namespace rests 5 s before it begins to go, and waits for its pods
DEVICE = "eth0"  # of the LAN


class RealLan(Lan):
    """A cluster of `tests/cluster`, and its LAN."""

    kubectl = "kubectl"

    def typed(self, command: str, text: str = "") -> str:
        done = self.lab.kubectl(*shlex.split(command), text=text)
        if done.returncode != 0:
            raise Refused(done.stderr)
        return str(done.stdout)

    def pods(self, who: str) -> list[JSON]:
        """The pods of the controller or of speaker-NODE that run, the youngest first."""
        component, _, node = who.partition("-")
        found = self.get(f"{OURS}/pods?labelSelector={COMPONENT}%3D{component}")["items"]
        running = [
            item
            for item in found
            if node in ("", item["spec"].get("nodeName"))
            and item["status"].get("phase") == "Running"
            and "deletionTimestamp" not in item["metadata"]
        ]
        return sorted(running, key=lambda item: str(item["metadata"]["creationTimestamp"]), reverse=True)

    def pod(self, who: str) -> str:
        """Its name; of several controllers the one that leads."""
        names = [str(item["metadata"]["name"]) for item in until(f"{who} runs", lambda: self.pods(who))]
        if len(names) == 1:
            return names[0]
        lease = self.get(LEASE) or {}
        holder = lease.get("spec", {}).get("holderIdentity", "").partition("_")[0]
        return holder if holder in names else names[0]

    def runs_in(self, pod: str) -> str:
        """What runs in a pod: `controller` or `speaker on NODE`."""
        found = self.get(f"{OURS}/pods/{pod}")
        if found is None:
            return f"{pod}, which is gone"
        component = str(found["metadata"]["labels"][COMPONENT])
        return f"{component} on {found['spec']['nodeName']}" if component == "speaker" else component

    def logs(self, who: str, since: str = "") -> str:
        """The same; `since` a time of RFC 3339."""
        query = f"?sinceTime={since}" if since else ""
        return self.text(f"{OURS}/pods/{self.pod(who)}/log{query}").decode()

    def empty(self) -> None:
        """No Service, no Deployment, no configuration; pylb has noticed. Namespaces of others begin to go."""
        for item in self.get("/api/v1/services")["items"]:
            if item["metadata"]["name"] != "kubernetes":
                meta = item["metadata"]
                self._delete(f"{SPACES}/{meta['namespace']}/services/{meta['name']}")
        for space in self._others():
            if "deletionTimestamp" not in space["metadata"]:
                self._delete(f"{SPACES}/{space['metadata']['name']}")
            self.end_pods(space["metadata"]["name"])
        for place in PLACES:
            for item in self.get(place)["items"]:
                if item["metadata"]["name"] not in OWN_NAMES:
                    self._delete(f"{place}/{item['metadata']['name']}")
        self.forget()

    def forget(self) -> None:
        """Wait until the controller has nothing to do any more; delete the Events that are left."""
        until("no address is given", lambda: not self.state("controller")["allocations"], EMPTY_S)
        until("no pool is known", lambda: not self.state("controller")["config"]["pools"], EMPTY_S)
        self._delete(f"{SPACES}/default/events")

    def absent(self, *names: str) -> None:
        """Wait until namespaces that were deleted are gone."""
        for name in names:
            until(f"namespace {name} is gone", lambda name=name: self.get(f"{SPACES}/{name}") is None, GONE_S)

    @contextlib.contextmanager
    def beside(self, subnet: str) -> Iterator[None]:
        """As long as the block lasts, every host of the LAN has a second address, in this subnet."""
        network = ip_network(subnet)
        own = ip_network(self.lab.info["subnet"])
        added: list[tuple[str, str]] = []
        try:
            for name, host in self.lab.hosts.items():
                last = int(ip_network(host["lan"]).network_address) - int(own.network_address)
                address = f"{network[last]}/{network.prefixlen}"
                self._address("add", name, address)
                added.append((name, address))
            yield
        finally:
            for name, address in added:
                self._address("del", name, address)

    def _address(self, verb: str, host: str, address: str) -> None:
        done = self.lab.exec(host, ["ip", "addr", verb, address, "dev", DEVICE])
        assert done.returncode == 0, f"{host}: {done.stderr}"

    def _others(self) -> list[JSON]:
        return [item for item in self.get(SPACES)["items"] if item["metadata"]["name"] not in OWN_NAMESPACES]

    def end_pods(self, namespace: str) -> None:
        """At once: a container that does not listen to SIGTERM would take half a minute."""
        self.do(Call("delete", f"{SPACES}/{namespace}/pods", AT_ONCE))

    def _delete(self, path: str) -> None:
        with contextlib.suppress(NotFound):
            self.do(Call("delete", path))
