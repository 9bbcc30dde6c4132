"""The two workloads: the controller's Deployment and the speakers' DaemonSet, with the least rights that do."""

from __future__ import annotations

from pylb.addon.names import (
    BEAT_PORT,
    CONTROLLER,
    CONTROLLER_PORT,
    JSON,
    NAMESPACE,
    READER_KEY,
    READER_SECRET,
    SPEAKER,
    SPEAKER_PORT,
    SPEAKERS_KEY,
    SPEAKERS_SECRET,
    labels,
    meta,
    selector_labels,
)

NOBODY = 65534  # user and group of the controller
SECRETS_FOLDER = "/etc/pylb"
SECRET_MODE = 0o440  # read by the daemon's user or group alone
SPEAKER_GRACE_S = 5  # a speaker hands its addresses over within 2 s of SIGTERM
CONTROLLER_GRACE_S = 5  # a controller hands the Lease over within 2 s of SIGTERM
REPLICAS = 2  # controllers
SPEAKER_PRIORITY, CONTROLLER_PRIORITY = "system-node-critical", "system-cluster-critical"  # evicted last, run first
LOST_NODE_S = 5  # that a controller stays bound to a node that is lost
START_S, CHECK_S, REPLY_S = 2, 10, 3  # probes: while it starts, later, and for one answer
LIVES, READY = "/healthz", "/readyz"  # one that has no good configuration is not ended for it, but stops a rollout
READY_S = 5  # between two questions whether it is ready: a rollout waits for each pod
START_CHECKS = 60  # a Raspberry Pi may take two minutes with a cold SD card
# Measured sizes are below 48 MiB; no CPU limit, since a throttled speaker is a speaker that stalls.
RESOURCES: JSON = {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "128Mi"}}


_FIELDS = {  # what a command line may name as $(NAME)
    "NODE_NAME": "spec.nodeName",
    "HOST_IP": "status.hostIP",
    "POD_IP": "status.podIP",
    "POD_NAME": "metadata.name",
}


def _field(name: str, path: str) -> JSON:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _volume(name: str) -> JSON:
    return {"name": name, "secret": {"secretName": name, "defaultMode": SECRET_MODE}}


def _mount(name: str) -> JSON:
    return {"name": name, "mountPath": f"{SECRETS_FOLDER}/{name}", "readOnly": True}


def _file(secret: str, key: str) -> str:
    return f"{SECRETS_FOLDER}/{secret}/{key}"


def _probe(path: str, port: int, period_s: int, failures: int) -> JSON:
    get = {"path": path, "port": port}
    return {"httpGet": get, "periodSeconds": period_s, "timeoutSeconds": REPLY_S, "failureThreshold": failures}


def _container(component: str, image: str, arguments: list[str], port: int, secrets: list[str], security: JSON) -> JSON:
    used = [name for name in _FIELDS if any(f"$({name})" in argument for argument in arguments)]
    return {
        "name": component,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "pylb", component],
        "args": arguments,
        "env": [_field(name, _FIELDS[name]) for name in used],
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "startupProbe": _probe(LIVES, port, START_S, START_CHECKS),
        "livenessProbe": _probe(LIVES, port, CHECK_S, 3),
        "readinessProbe": _probe(READY, port, READY_S, 1),
        "resources": RESOURCES,
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, **security},
        "volumeMounts": [_mount(secret) for secret in secrets],
    }


def _template(component: str, version: str, container: JSON, secrets: list[str], pod: JSON) -> JSON:
    return {
        "metadata": {"labels": labels(component, version)},
        "spec": {
            "serviceAccountName": f"pylb-{component}",
            "enableServiceLinks": False,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "containers": [container],
            "volumes": [_volume(secret) for secret in secrets],
            **pod,
        },
    }


def _apart(component: str) -> JSON:
    """Not on a machine that has one already, where there is another machine."""
    term = {"labelSelector": {"matchLabels": selector_labels(component)}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }


def _gone_soon() -> list[JSON]:
    """A pod on a node that is lost is replaced elsewhere soon, and not after the default 300 s."""
    keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    how = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_NODE_S}
    return [{"key": key, **how} for key in keys]


def deployment(image: str, version: str) -> JSON:
    """The controllers, without root: two, of which one leads; they settle by a Lease which."""
    component, secrets = "controller", [READER_SECRET]
    arguments = [
        "--bind=$(POD_IP)",
        "--pod=$(POD_NAME)",
        f"--port={CONTROLLER_PORT}",
        f"--token-file={_file(READER_SECRET, READER_KEY)}",
    ]
    security: JSON = {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container = _container(component, image, arguments, CONTROLLER_PORT, secrets, security)
    user = {"runAsUser": NOBODY, "runAsGroup": NOBODY, "fsGroup": NOBODY, "seccompProfile": {"type": "RuntimeDefault"}}
    pod: JSON = {
        "securityContext": user,
        "terminationGracePeriodSeconds": CONTROLLER_GRACE_S,
        "priorityClassName": CONTROLLER_PRIORITY,
        "affinity": _apart(component),
        "tolerations": _gone_soon(),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(CONTROLLER, component, version, NAMESPACE),
        "spec": {
            "replicas": REPLICAS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": selector_labels(component)},
            "template": _template(component, version, container, secrets, pod),
        },
    }


def daemon_set(image: str, version: str) -> JSON:
    """The speakers: one a node, in the node's network. Root without any right of root but raw sockets."""
    component, secrets = "speaker", [SPEAKERS_SECRET, READER_SECRET]
    arguments = [
        "--node=$(NODE_NAME)",
        "--pod=$(POD_NAME)",
        f"--key-file={_file(SPEAKERS_SECRET, SPEAKERS_KEY)}",
        f"--token-file={_file(READER_SECRET, READER_KEY)}",
        "--bind=$(HOST_IP)",
        f"--port={SPEAKER_PORT}",
        f"--beat-port={BEAT_PORT}",
    ]
    security: JSON = {"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}
    container = _container(component, image, arguments, SPEAKER_PORT, secrets, security)
    container["ports"].append({"name": "beats", "containerPort": BEAT_PORT, "protocol": "UDP"})
    control_planes = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
    pod: JSON = {
        "hostNetwork": True,
        "securityContext": {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": SPEAKER_GRACE_S,
        "priorityClassName": SPEAKER_PRIORITY,
        "tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in control_planes],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta(SPEAKER, component, version, NAMESPACE),
        "spec": {
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": selector_labels(component)},
            "template": _template(component, version, container, secrets, pod),
        },
    }
