"""The objects of an installation: names, rights, command lines, and that YAML says the same."""

from __future__ import annotations

import base64
from typing import Any

import click
import pytest
import yaml

from pylb import __version__
from pylb.addon.render import Settings, render, to_yaml
from pylb.cli import main
from pylb.core.crds.table import definitions

JSON = dict[str, Any]
SETTINGS = Settings("beats", "looks", ("192.168.1.240-192.168.1.250", "fd00::/120"))


def objects(settings: Settings = SETTINGS) -> list[JSON]:
    return render(settings)


def find(kind: str, name: str, namespace: str | None = None) -> JSON:
    """The one object of that name; the namespace matters only where it is given."""
    found = [
        item
        for item in objects()
        if (item["kind"], item["metadata"]["name"]) == (kind, name)
        and (namespace is None or item["metadata"].get("namespace") == namespace)
    ]
    assert len(found) == 1
    return found[0]


def pod(kind: str, name: str) -> JSON:
    return dict(find(kind, name)["spec"]["template"]["spec"])


def container(kind: str, name: str) -> JSON:
    (only,) = pod(kind, name)["containers"]
    return dict(only)


SPEAKER, CONTROLLER = ("DaemonSet", "pylb-speaker"), ("Deployment", "pylb-controller")


def test_the_whole_installation() -> None:
    seen: dict[str, list[str]] = {}
    for item in objects():
        meta = item["metadata"]
        seen.setdefault(item["kind"], []).append("/".join(filter(None, (meta.get("namespace"), meta["name"]))))
    assert seen == {
        "Namespace": ["pylb-system", "metallb-system"],
        "CustomResourceDefinition": [item["metadata"]["name"] for item in definitions()],
        "ServiceAccount": ["pylb-system/pylb-controller", "pylb-system/pylb-speaker"],
        "ClusterRole": ["pylb-controller", "pylb-speaker", "pylb-viewer"],
        "ClusterRoleBinding": ["pylb-controller", "pylb-speaker"],
        "Role": [
            "pylb-system/pylb-controller",
            "metallb-system/pylb-controller",
            "pylb-system/pylb-speaker",
            "metallb-system/pylb-speaker",
            "pylb-system/pylb-viewer",
        ],
        "RoleBinding": [
            "pylb-system/pylb-controller",
            "metallb-system/pylb-controller",
            "pylb-system/pylb-speaker",
            "metallb-system/pylb-speaker",
        ],
        "Secret": ["pylb-system/pylb-speakers", "pylb-system/pylb-reader"],
        "ConfigMap": ["pylb-system/pylb-history"],
        "DaemonSet": ["pylb-system/pylb-speaker"],
        "Deployment": ["pylb-system/pylb-controller"],
        "IPAddressPool": ["metallb-system/default-addresspool"],
        "L2Advertisement": ["metallb-system/default-advertise-all-pools"],
    }


def test_without_a_range_there_is_no_pool() -> None:
    kinds = {item["kind"] for item in objects(Settings("a", "b"))}
    assert not kinds & {"IPAddressPool", "L2Advertisement"}


def test_rendering_is_a_function_of_the_settings() -> None:
    assert objects() == objects()
    objects()[0]["metadata"]["labels"].clear()
    assert objects()[0]["metadata"]["labels"]


def test_the_pool_holds_the_ranges_and_all_pools_are_announced() -> None:
    assert find("IPAddressPool", "default-addresspool")["spec"] == {"addresses": list(SETTINGS.addresses)}
    assert find("L2Advertisement", "default-advertise-all-pools")["spec"] == {}


def test_what_is_ours_is_labelled_and_the_users_pool_is_not() -> None:
    """Disable and upgrades tell by the label what they may delete; the pool belongs to the user from the start."""
    for item in objects():
        labels = item["metadata"].get("labels", {})
        if item["apiVersion"].startswith("metallb.io/"):
            assert labels == {}
        else:
            assert labels["app.kubernetes.io/name"] == "pylb"
            assert labels["app.kubernetes.io/version"] == __version__


@pytest.mark.parametrize(("kind", "name", "component"), [(*SPEAKER, "speaker"), (*CONTROLLER, "controller")])
def test_a_workload_finds_its_own_pods_and_no_others(kind: str, name: str, component: str) -> None:
    spec = find(kind, name)["spec"]
    wanted = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": component}
    assert spec["selector"]["matchLabels"] == wanted
    assert wanted.items() <= spec["template"]["metadata"]["labels"].items()
    assert "app.kubernetes.io/version" not in spec["selector"]["matchLabels"]  # it cannot change later


def test_the_speakers_command_line() -> None:
    spec = container(*SPEAKER)
    assert spec["command"] == ["python3", "-m", "pylb", "speaker"]
    assert spec["args"] == [
        "--node=$(NODE_NAME)",
        "--pod=$(POD_NAME)",
        "--key-file=/etc/pylb/pylb-speakers/secretkey",
        "--token-file=/etc/pylb/pylb-reader/token",
        "--bind=$(HOST_IP)",
        "--port=7472",
        "--beat-port=7946",
    ]


def test_the_controllers_command_line() -> None:
    spec = container(*CONTROLLER)
    assert spec["command"] == ["python3", "-m", "pylb", "controller"]
    assert spec["args"] == [
        "--bind=$(POD_IP)",
        "--pod=$(POD_NAME)",
        "--port=7473",
        "--token-file=/etc/pylb/pylb-reader/token",
    ]


@pytest.mark.parametrize(("kind", "name"), [SPEAKER, CONTROLLER])
def test_variables_and_files_of_the_command_line_exist(kind: str, name: str) -> None:
    spec, volumes = container(kind, name), pod(kind, name)["volumes"]
    variables = {item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"] for item in spec["env"]}
    known = {
        "NODE_NAME": "spec.nodeName",
        "HOST_IP": "status.hostIP",
        "POD_IP": "status.podIP",
        "POD_NAME": "metadata.name",
    }
    assert variables.items() <= known.items()
    files = {
        f"{mount['mountPath']}/{key}"
        for mount in spec["volumeMounts"]
        for volume in volumes
        if volume["name"] == mount["name"]
        for key in find("Secret", volume["secret"]["secretName"])["data"]
    }
    for argument in spec["args"]:
        _, _, value = argument.partition("=")
        if value.startswith("$("):
            assert value[2:-1] in variables
        if value.startswith("/"):
            assert value in files


@pytest.mark.parametrize(("kind", "name"), [SPEAKER, CONTROLLER])
def test_the_daemon_knows_each_flag_of_its_command_line(kind: str, name: str) -> None:
    spec = container(kind, name)
    *_, package, command = spec["command"]
    found = main.get_command(click.Context(main), command)
    assert (package, isinstance(found, click.Command)) == ("pylb", True)
    known = {option for parameter in found.params for option in parameter.opts}
    assert {argument.partition("=")[0] for argument in spec["args"]} <= known
    required = {parameter.opts[0] for parameter in found.params if parameter.required}
    assert required <= {argument.partition("=")[0] for argument in spec["args"]}


@pytest.mark.parametrize(("kind", "name", "port"), [(*SPEAKER, 7472), (*CONTROLLER, 7473)])
def test_health_is_asked_at_the_port_that_the_daemon_opens(kind: str, name: str, port: int) -> None:
    spec = container(kind, name)
    assert f"--port={port}" in spec["args"]
    asked = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert {probe: spec[probe]["httpGet"] for probe in asked} == {
        probe: {"path": path, "port": port} for probe, path in asked.items()
    }
    ports = {(item["containerPort"], item["protocol"]) for item in spec["ports"]}
    assert (port, "TCP") in ports
    assert ((7946, "UDP") in ports) == (kind == "DaemonSet")


def test_the_speakers_rights_on_its_node() -> None:
    spec, security = pod(*SPEAKER), container(*SPEAKER)["securityContext"]
    assert spec["hostNetwork"] is True
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
    }
    assert spec["securityContext"]["runAsUser"] == 0  # an added capability is lost to other users
    assert "hostPID" not in spec
    assert spec["terminationGracePeriodSeconds"] == 5
    tolerated = {(t["key"], t["operator"], t["effect"]) for t in spec["tolerations"]}
    roles = ("master", "control-plane")
    assert tolerated == {(f"node-role.kubernetes.io/{role}", "Exists", "NoSchedule") for role in roles}


def test_the_controllers_rights_on_its_node() -> None:
    spec, security = pod(*CONTROLLER), container(*CONTROLLER)["securityContext"]
    assert "hostNetwork" not in spec
    assert spec["securityContext"]["runAsUser"] == 65534
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_there_are_two_controllers_on_two_machines_where_there_are_two() -> None:
    """And an update never leaves none; on a single machine both run there, since a wish for two is no condition."""
    spec, deployment = pod(*CONTROLLER), find(*CONTROLLER)["spec"]
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert (deployment["replicas"], deployment["strategy"]) == (2, update)
    [wish] = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" not in spec["affinity"]["podAntiAffinity"]
    assert wish["podAffinityTerm"] == {
        "labelSelector": deployment["selector"],
        "topologyKey": "kubernetes.io/hostname",
    }


def test_a_controller_on_a_lost_node_is_replaced_within_seconds() -> None:
    tolerated = {(t["key"], t["effect"], t["tolerationSeconds"]) for t in pod(*CONTROLLER)["tolerations"]}
    keys = ("not-ready", "unreachable")
    assert tolerated == {(f"node.kubernetes.io/{key}", "NoExecute", 5) for key in keys}


@pytest.mark.parametrize(("kind", "name"), [SPEAKER, CONTROLLER])
def test_image_and_resources(kind: str, name: str) -> None:
    spec = container(kind, name)
    assert (spec["image"], spec["imagePullPolicy"]) == (f"pylb:{__version__}", "IfNotPresent")
    assert set(spec["resources"]["requests"]) == {"cpu", "memory"}
    assert "cpu" not in spec["resources"]["limits"]  # a throttled speaker stalls
    other = [i for i in render(Settings("a", "b", image="other:1")) if i["kind"] == kind]
    assert other[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "other:1"


def test_the_controllers_files_can_be_read_without_root() -> None:
    spec = pod(*CONTROLLER)
    assert spec["securityContext"]["fsGroup"] == 65534
    assert {volume["secret"]["defaultMode"] for volume in spec["volumes"]} == {0o440}


def test_secrets_hold_what_the_caller_gave() -> None:
    for name, key, value in (("pylb-speakers", "secretkey", "beats"), ("pylb-reader", "token", "looks")):
        assert base64.b64decode(find("Secret", name)["data"][key]).decode() == value


def test_only_our_namespace_lets_pods_use_the_nodes_network() -> None:
    for name, wanted in (("pylb-system", 3), ("metallb-system", 0)):
        labels = find("Namespace", name)["metadata"]["labels"]
        modes = [v for k, v in labels.items() if k.startswith("pod-security.kubernetes.io/")]
        assert modes == ["privileged"] * wanted


def test_bindings_bind_accounts_and_roles_that_exist() -> None:
    every = objects()
    names = {(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")) for item in every}
    for item in every:
        if item["kind"].endswith("Binding"):
            role, (subject,) = item["roleRef"], item["subjects"]
            assert (role["kind"], role["name"], item["metadata"].get("namespace")) in names
            assert (subject["kind"], subject["name"], subject["namespace"]) in names


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment"])
def test_each_workload_runs_as_an_account_with_rights(kind: str) -> None:
    name = {"DaemonSet": "pylb-speaker", "Deployment": "pylb-controller"}[kind]
    assert pod(kind, name)["serviceAccountName"] == name


def test_the_yaml_says_the_same_and_repeats_instead_of_pointing() -> None:
    text = to_yaml(objects())
    assert list(yaml.safe_load_all(text)) == objects()
    assert "&id" not in text
    assert "*id" not in text
