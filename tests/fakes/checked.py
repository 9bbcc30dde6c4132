"""Manifests, and what `pylb check` says of them; the same table is played on a real API server and controller.

`truth` is who else says no: "strict" the API server with strict fields, as kubectl asks it to be; "problem" the
controller, of the configuration; "waits" a Service gets no address; "kubectl" what never reaches the API server.
"told" is a wish that nobody meets, of which the controller tells in an Event; "silent" is what all others take without a
word, and make less of it than is written there. "" is for what is fine.
"""

from __future__ import annotations

from typing import NamedTuple

STRICT, PROBLEM, WAITS, KUBECTL, TOLD, SILENT, FINE = "strict", "problem", "waits", "kubectl", "told", "silent", ""


class Sample(NamedTuple):
    """A text, and what is found: (line, field, part of the message) of each failure."""

    name: str
    text: str
    truth: str
    failures: tuple[tuple[int, str, str], ...] = ()


def _pool(spec: str, name: str = "checked", kind: str = "IPAddressPool", version: str = "v1beta1") -> str:
    head = f"apiVersion: metallb.io/{version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: metallb-system\n"
    return f"{head}{spec}"


def _service(rest: str = "", notes: str = "", name: str = "checked", port: int = 80) -> str:
    annotations = f"  annotations:\n    {notes}\n" if notes else ""
    head = f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: default\n{annotations}spec:\n"
    return f"{head}  type: LoadBalancer\n{rest}  ports:\n  - port: {port}\n"


RANGE = "spec:\n  addresses:\n  - 10.77.3.0/29\n"
LAN = _pool(RANGE)
PINNED = "metallb.io/loadBalancerIPs: 10.77.3.1"
NEXT = "---\n"
ADDRESSES, FIRST = "spec.addresses", "spec.addresses[0]"

SAMPLES = (
    Sample("a pool", LAN, FINE),
    Sample("Windows' line ends", LAN.replace("\n", "\r\n"), FINE),
    Sample("a field misspelt", LAN.replace("addresses", "adresses"), STRICT, ((7, "spec.adresses", "unknown field"),)),
    Sample("autoAssign misspelt", _pool(RANGE + "  autoAsign: false\n"), STRICT, ((9, "spec.autoAsign", "unknown"),)),
    Sample("a text for a list", _pool("spec:\n  addresses: 10.77.3.0/29\n"), STRICT, ((7, ADDRESSES, "type array"),)),
    Sample("a text for a boolean", _pool(RANGE + '  autoAssign: "yes"\n'), STRICT, ((9, "spec.autoAssign", "boolean"),)),
    Sample("a number for a range", _pool("spec:\n  addresses:\n  - 10\n"), STRICT, ((8, FIRST, "string"),)),
    Sample("no spec", _pool(""), STRICT, ((1, "spec.addresses", ""),)),
    Sample("a field at the root", _pool(RANGE + "autoAssign: false\n"), STRICT, ((9, "autoAssign", "unknown field"),)),
    Sample("metadata misspelt", LAN.replace("  namespace:", "  namspace:"), STRICT, ((5, "metadata.namspace", "unknown"),)),
    Sample("a label that is a number", LAN.replace("spec:", "  labels:\n    zone: 1\nspec:"), STRICT, ((7, "metadata.labels.zone", "string"),)),
    Sample("a name with capitals", _pool(RANGE, "Checked"), STRICT, ((4, "metadata.name", "Invalid value"),)),
    Sample("a kind misspelt", _pool(RANGE, kind="IPAdressPool"), KUBECTL, ((2, "kind", "no matches for kind"),)),
    Sample("a kind of old", _pool(RANGE, kind="AddressPool"), KUBECTL, ((2, "kind", "no matches for kind"),)),
    Sample("a version that is none", _pool(RANGE, version="v1"), KUBECTL, ((1, "apiVersion", "no matches for kind"),)),
    Sample("a key twice", _pool(RANGE + "  autoAssign: true\n  autoAssign: false\n"), SILENT, ((10, "spec.autoAssign", "written twice"),)),
    Sample("a tab", _pool("spec:\n\taddresses:\n"), KUBECTL, ((7, "", "a tab"),)),
    Sample("no prefix length", _pool("spec:\n  addresses:\n  - 10.77.3.1\n"), PROBLEM, ((8, FIRST, "10.77.3.1"),)),
    Sample("a range backwards", _pool("spec:\n  addresses:\n  - 10.77.3.9-10.77.3.1\n"), PROBLEM, ((8, FIRST, "after the end"),)),
    Sample("the second of two ranges", _pool("spec:\n  addresses:\n  - 10.77.3.0/29\n  - 10.77.3\n"), PROBLEM, ((9, "spec.addresses[1]", "10.77.3"),)),
    Sample("no range", _pool("spec:\n  addresses: []\n"), PROBLEM, ((7, ADDRESSES, "no prefixes defined"),)),
    Sample("an overlap", _pool(RANGE) + NEXT + _pool(RANGE.replace("/29", "/30"), "other"), PROBLEM, ((17, FIRST, "overlaps"),)),
    Sample("an operator that is none", _pool(RANGE + "  serviceAllocation:\n    serviceSelectors:\n    - matchExpressions:\n      - {key: a, operator: Is}\n"), PROBLEM, ((11, "spec.serviceAllocation.serviceSelectors[0]", ""),)),
    Sample("a namespace twice", _pool(RANGE + "  serviceAllocation:\n    namespaces: [a, a]\n"), PROBLEM, ((10, "spec.serviceAllocation.namespaces[1]", "duplicate"),)),
    Sample("a weight too large", _pool("spec:\n  preferredNodeSelectors:\n  - weight: 101\n    preference: {}\n", kind="L2Advertisement"), STRICT, ((8, "spec.preferredNodeSelectors[0].weight", "100"),)),
    Sample("an advertisement", LAN + NEXT + _pool("spec:\n  ipAddressPools: [checked]\n", kind="L2Advertisement"), FINE),
    Sample("a peer", _pool("spec:\n  myASN: 64512\n  peerASN: 64513\n  peerAddress: 10.77.0.1\n", kind="BGPPeer", version="v1beta2"), FINE),
    Sample("a peer of itself", _pool("spec:\n  myASN: 64512\n  peerASN: 64513\n  peerAddress: nobody\n", kind="BGPPeer", version="v1beta2"), PROBLEM, ((9, "spec.peerAddress", "nobody"),)),
    Sample("a profile too fast", _pool("spec:\n  receiveInterval: 5\n", kind="BFDProfile"), STRICT, ((7, "spec.receiveInterval", "10"),)),
    Sample("a Service", LAN + NEXT + _service(), FINE),
    Sample("a pinned Service", LAN + NEXT + _service(notes=PINNED), FINE),
    Sample("two families of one", LAN + NEXT + _service("  ipFamilyPolicy: PreferDualStack\n"), FINE),
    Sample("a pin of no pool", LAN + NEXT + _service(notes="metallb.io/loadBalancerIPs: 10.77.4.1"), WAITS, ((16, "metadata.annotations.metallb.io/loadBalancerIPs", "10.77.4.1"),)),
    Sample("a pin that is none", LAN + NEXT + _service(notes="metallb.io/loadBalancerIPs: 10.77.3"), WAITS, ((16, "metadata.annotations.metallb.io/loadBalancerIPs", "invalid"),)),
    Sample("two pins", LAN + NEXT + _service("  loadBalancerIP: 10.77.3.1\n", PINNED), WAITS, ((16, "metadata.annotations.metallb.io/loadBalancerIPs", "can not have both"),)),
    Sample("a pool that is none", LAN + NEXT + _service(notes="metallb.io/address-pool: cheked"), WAITS, ((16, "metadata.annotations.metallb.io/address-pool", "cheked"),)),
    Sample("two of one address", LAN + NEXT + _service(notes=PINNED) + NEXT + _service(notes=PINNED, name="other"), WAITS, ((28, "metadata.annotations.metallb.io/loadBalancerIPs", "sharing key"),)),
    Sample("a shared port twice", LAN + NEXT + "".join(_service(notes=f"{PINNED}\n    metallb.io/allow-shared-ip: k", name=name) + NEXT for name in ("one", "other")), WAITS, ((33, "spec.ports", "80"),)),
    Sample("an address shared rightly", LAN + NEXT + "".join(_service(notes=f"{PINNED}\n    metallb.io/allow-shared-ip: k", name=f"s{port}", port=port) + NEXT for port in (80, 81)), FINE),
    Sample("an annotation misspelt", LAN + NEXT + _service(notes="metallb.io/adress-pool: checked"), TOLD, ((16, "metadata.annotations.metallb.io/adress-pool", "did you mean metallb.io/address-pool"),)),
    Sample("an annotation of no text", LAN + NEXT + _service(notes="metallb.io/address-pool: true"), STRICT, ((16, "metadata.annotations.metallb.io/address-pool", "string"),)),
    Sample("a protocol that is none", _service().replace("- port: 80", "- port: 80\n    protocol: tcp"), STRICT, ((10, "spec.ports[0].protocol", "Unsupported value"),)),
    Sample("a port too large", _service(port=70000), STRICT, ((9, "spec.ports[0].port", "65535"),)),
    Sample("no ports", _service().partition("  ports:")[0], STRICT, ((6, "spec.ports", "Required value"),)),
    Sample("ports without names", _service() + "  - port: 81\n", STRICT, ((9, "spec.ports[0].name", "Required value"), (10, "spec.ports[1].name", "Required value"))),
    Sample("a port twice", _service().replace("- port: 80", "- {name: a, port: 80}\n  - {name: b, port: 80}"), STRICT, ((10, "spec.ports[1]", "Duplicate value"),)),
    Sample("a name of ports twice", _service().replace("- port: 80", "- {name: a, port: 80}\n  - {name: a, port: 81}"), STRICT, ((10, "spec.ports[1].name", "Duplicate value"),)),
    Sample("a headless one", _service("  clusterIP: None\n"), STRICT, ((8, "spec.clusterIP", "may not be set to 'None'"),)),
    Sample("a type misspelt", _service().replace("LoadBalancer", "Loadbalancer"), STRICT, ((7, "spec.type", "Unsupported value"),)),
    Sample("a traffic policy misspelt", _service("  externalTrafficPolcy: Local\n"), STRICT, ((8, "spec.externalTrafficPolcy", "unknown field"),)),
)  # fmt: skip
