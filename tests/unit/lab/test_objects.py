"""The objects of a new cluster, and the command lines of what runs in it."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from pathlib import Path

from pylb.lab import objects, programs
from pylb.lab.plan import plan
from pylb.lab.programs import Files

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)
PLAN = plan(nodes=2)
FILES = Files(Path("/run/pylb-lab"))


def test_a_new_cluster() -> None:
    rounds = objects.first(PLAN, {"pylb-speakers": ("secretkey", b"key")}, NOW)
    names = [[(item.body["kind"], item.body["metadata"]["name"]) for item in items] for items in rounds]
    assert names[0] == [("Namespace", "pylb-system"), ("Namespace", "metallb-system")]
    assert ("CustomResourceDefinition", "ipaddresspools.metallb.io") in names[1]
    assert [name for kind, name in names[1] if kind == "Node"] == ["n1", "n2"]
    assert names[2] == [("Lease", "n1"), ("Lease", "n2")]
    (secret,) = (item.body for item in rounds[1] if item.body["kind"] == "Secret")
    assert base64.b64decode(secret["data"]["secretkey"]) == b"key"
    assert secret["metadata"]["namespace"] == "pylb-system"


def test_a_node_has_its_lan_address_and_its_pods_network() -> None:
    made = objects.node(PLAN.nodes["n2"], NOW)
    assert made["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.77.0.22"}
    assert made["spec"]["podCIDR"] == "10.244.2.0/24"
    assert made["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"


def test_a_process_has_a_pod_that_the_kubelet_leaves_alone() -> None:
    item = objects.pod("speaker", "n2", "pylb-speaker-n2", 7472)
    assert item.collection == "/api/v1/namespaces/pylb-system/pods"
    assert item.body["metadata"]["labels"] == {
        "app.kubernetes.io/name": "pylb",
        "app.kubernetes.io/component": "speaker",
    }
    assert objects.OURS in item.body["metadata"]["annotations"]
    for ready in (True, False):
        status = objects.pod_status("speaker", "100.64.77.22", "10.77.0.22", ready, NOW)
        assert {one["status"] for one in status["conditions"] if one["type"] == "Ready"} == {str(ready)}
        assert status["containerStatuses"][0]["ready"] is ready


def test_a_kubeconfig_trusts_one_certificate() -> None:
    made = objects.kubeconfig("https://127.0.0.1:1", b"PEM", "secret")
    cluster = made["clusters"][0]["cluster"]
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert "insecure-skip-tls-verify" not in cluster
    assert made["users"][0]["user"] == {"token": "secret"}


def test_a_speakers_command_line() -> None:
    program = programs.speaker(FILES, PLAN.nodes["n2"])
    assert (program.name, program.namespace, program.pod) == ("speaker-n2", "n2", "pylb-speaker-n2")
    words = list(program.argv)
    assert words[1:4] == ["-m", "pylb", "speaker"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {
        "--node": "n2",
        "--kubeconfig": "/run/pylb-lab/kubeconfig.inside",
        "--key-file": "/run/pylb-lab/beats-n2.key",
        "--token-file": "/run/pylb-lab/reader.token",
        "--pod": "pylb-speaker-n2",
        "--bind": "100.64.77.22",
        "--port": "7472",
    }


def test_the_api_server_listens_on_what_it_is_given_alone() -> None:
    words = programs.api(FILES, [5, 7]).argv
    assert [words[at + 1] for at, word in enumerate(words) if word == "--listen-fd"] == ["5", "7"]
    assert "--listen" not in words
    assert words[words.index("--kubelet") + 1] == "external"


def test_the_certificate_covers_both_addresses() -> None:
    command = programs.certificate(FILES, ["127.0.0.1", "100.64.77.1"])
    assert "subjectAltName=IP:127.0.0.1,IP:100.64.77.1,DNS:localhost,DNS:kubernetes" in command
